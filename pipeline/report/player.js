"use strict";
// One player per scene: a frame number that all of its films, dots and words follow.
const still = matchMedia("(prefers-reduced-motion: reduce)");

function player(scene) {
  const count = Number(scene.dataset.frames), given = Number(scene.dataset.given || 0);
  const button = scene.querySelector("button"), slider = scene.querySelector("input"), words = scene.querySelector("output");
  const films = [...scene.querySelectorAll(".film")];
  const dots = [...scene.querySelectorAll("circle")].map((dot) => [dot, dot.dataset.points.split(" ")]);
  let frame = 0, timer = null;

  function show(next) {
    frame = (next + count) % count;
    for (const film of films) {
      const columns = Number(film.dataset.columns), rows = Number(film.dataset.rows);
      const x = columns > 1 ? 100 * (frame % columns) / (columns - 1) : 0;
      const y = rows > 1 ? 100 * Math.floor(frame / columns) / (rows - 1) : 0;
      film.style.backgroundPosition = `${x}% ${y}%`;
    }
    for (const [dot, points] of dots) {
      const [x, y] = points[frame].split(",");
      dot.style.display = y === undefined ? "none" : "";
      if (y !== undefined) { dot.setAttribute("cx", x); dot.setAttribute("cy", y); }
    }
    scene.classList.toggle("ahead", given > 0 && frame >= given);
    slider.value = frame;
    words.textContent = given === 0 ? `frame ${frame + 1} of ${count}`
      : frame < given ? `given ${frame + 1} of ${given}` : `forecast, step ${frame - given + 1} of ${count - given}`;
    slider.setAttribute("aria-valuetext", words.textContent);
  }
  function play(on) {
    clearInterval(timer);
    // Slow enough to be followed, whatever the video's own rate.
    timer = on ? setInterval(() => show(frame + 1), 1000 / Math.min(8, Number(scene.dataset.fps))) : null;
    button.textContent = on ? "pause" : "play";
    scene.dataset.playing = on;
  }
  let wanted = !still.matches;  // until somebody says otherwise
  button.addEventListener("click", () => { wanted = timer === null; play(wanted); });
  slider.addEventListener("input", () => { wanted = false; play(false); show(Number(slider.value)); });
  scene.addEventListener("keydown", (event) => {
    if (event.target !== scene) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === " ") { wanted = timer === null; play(wanted); }
    else if (step) { wanted = false; play(false); show(frame + step); }
    else return;
    event.preventDefault();
  });
  // Only what can be seen runs.
  new IntersectionObserver(([entry]) => play(entry.isIntersecting && wanted)).observe(scene);
  still.addEventListener("change", () => { wanted = !still.matches; play(wanted); });
  show(0);
}

document.querySelectorAll(".scene").forEach(player);

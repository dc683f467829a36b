"""What has to be settled before any stage loads a library."""

import os

# Threads that wait for one another spin at first, which takes the core from whoever they wait for where other work
# runs: by default for milliseconds, with 10,000 rounds for some ten microseconds. A step of stage 1 then takes 1.3
# times as long on two idle cores, and a seventh of the time on two busy ones. Bytes stay the same.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

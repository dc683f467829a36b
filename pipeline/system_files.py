"""Files that desktops and network drives put into every folder by themselves: nobody's data, so nobody reads them."""

from pathlib import PurePath

_NAMES = frozenset({
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin", "recycler",
    "system volume information", "icon\r", "__macosx", "network trash folder", "temporary items", "@eadir", "@recycle",
    "#recycle", "#snapshot", "lost+found",
})


def is_of_system(path: PurePath) -> bool:
    """Whether a part of the relative `path` is hidden (starts with a dot) or belongs to a desktop or a network
    drive."""
    return any(part.startswith((".", "~$")) or part.lower() in _NAMES for part in path.parts)

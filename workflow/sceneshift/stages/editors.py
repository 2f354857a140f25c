"""editors: which editors ship."""

from sceneshift.runtime.shipped import shipped_editors, what_it_does


def editors() -> None:
    """List the editors that ship, with what each does.

    Their names stand wherever a translator's file may: `sceneshift translate night photos edited`.
    """
    shipped = shipped_editors()
    for name, path in shipped.items():
        print(f"{name:{max(map(len, shipped))}}  {what_it_does(path)}")

"""python -m kws"""

from kws.cli import app

if __name__ == "__main__":
    app(prog_name="kws")

"""What `python -c` runs in a process of pytest-xdist, as a script: code that is sent as the first line."""

import ast
import sys

if __name__ == "__main__":
    exec(ast.literal_eval(sys.stdin.readline()))

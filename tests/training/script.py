"""A script without `if __name__ == "__main__"`, which ends the program that imports it."""

import sys

sys.exit(2)

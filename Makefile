# Two commands: `make demo` shows it, `make test` proves it. Both can be run again at once.

PYTHON ?= python3
VENV ?= .venv
OPENCV ?= opencv-python
BIN = $(VENV)/bin

.PHONY: demo test check test-all models clean pytest

demo: $(VENV)/.runtime
	$(BIN)/camdigits image samples --output demo
	@echo "The annotated pictures are in demo/. Now the clip, as live video (q quits):"
	$(BIN)/camdigits live --source samples/clip.mp4

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow"

# what CI runs beside `make test`: the slow tests, and the reader's again with OpenCV 4
check: test
	$(BIN)/python -m pytest -m slow
	$(MAKE) pytest VENV=.venv-opencv4 OPENCV="opencv-python<5" TESTS="--ignore tests/export"

pytest: $(VENV)/.test
	$(BIN)/python -m pytest -m "not slow" $(TESTS)

# every Python that is supported, where it is installed
test-all:
	for v in 3.11 3.12 3.13; do command -v python$$v >/dev/null || continue; $(MAKE) pytest PYTHON=python$$v VENV=.venv-$$v || exit 1; done

# all that models/ ships, from nothing: hours; stopped, it goes on where it was
models: $(VENV)/.test
	$(BIN)/camdigits rebuild

$(VENV)/.runtime: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --editable . "$(OPENCV)"
	@$(BIN)/camdigits doctor --quiet
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[export,web,formats]" --group test "$(OPENCV)"
	@touch $@ $(VENV)/.runtime

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "camdigits needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing; install it first: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf .venv .venv-* build dist demo

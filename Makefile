# Each target is a fresh machine's one command: it makes .venv, installs what it needs, and does its job.
# On Windows in Git Bash; there, Python is called python, and .venv keeps its programs elsewhere.
ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN = .venv/Scripts
else
PYTHON ?= python3
BIN = .venv/bin
endif
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test clean

demo: .venv/demo.done
	$(BIN)/python -m DAGANSpineLib segment Resources/SampleData/simulated-single-curve.png --output out
	@echo "The results lie in out/simulated-single-curve: look at overlay.png, read report.json,"
	@echo "or load restored.nrrd and segmentation.seg.nrrd into Slicer."

test: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --max-worker-restart 0

.venv/demo.done: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	@touch $@

.venv/test.done: .venv/demo.done
	$(PIP) --editable '.[train,test]'
	@touch $@

clean:
	rm -rf .venv out *.egg-info

# make train [ARGS="--env Pendulum-v0 --seed 1"]    set up what is missing, and train
# make test  [ARGS="-k polyak"]                     set up what is missing, and run the tests
# make setup                                        only set up, into .venv/
#      [TENSORFLOW=intel-tensorflow==1.15.2]        with another build of TensorFlow, from now on
# make clean                                        remove all that set-up made; runs stay
ARGS ?=
TENSORFLOW ?=

setup:
	@TENSORFLOW='$(TENSORFLOW)' tools/setup.sh

train: setup
	@.venv/bin/python ddpg.py $(ARGS)

# Each run of a test asks git whether the code was changed: git compares all files, until it has
# noted that they are the same. It can do that only once they are older than a second.
test: setup
	@git status >/dev/null 2>&1 || true
	@.venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

clean:
	@rm -rf .venv .python spinningup/*.egg-info __pycache__
	@find docs harness spinningup tests tools -name __pycache__ -prune -exec rm -rf {} +

.PHONY: setup train test clean

# Builds the suite and runs its tests. `make help` lists the targets; each part has its file in mk/.
SHELL := bash
.DEFAULT_GOAL := all
comma := ,
# Jobs at a time: an emulator computes on one thread and takes 2 GiB.
JOBS := $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))

include mk/packages.mk mk/build.mk mk/package.mk lab/Makefile mk/lab.mk mk/test.mk mk/bench.mk mk/check.mk mk/help.mk

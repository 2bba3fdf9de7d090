# Builds the BPF objects, the addon and the tools; `make help` lists what else there is.
ARCH := $(shell uname -m | sed -e s/x86_64/x64/ -e s/aarch64/arm64/)
BPF_ARCH_x64 := x86
BPF_ARCH_arm64 := arm64
CLANG ?= clang
# The kernel's uapi headers of either architecture: asm/ptrace.h is where they differ.
INCLUDE_x64 := /usr/include/x86_64-linux-gnu
INCLUDE_arm64 := $(firstword $(wildcard /usr/aarch64-linux-gnu/include /usr/include/aarch64-linux-gnu))
BPF_FLAGS := -g -O2 -mcpu=v3 -target bpf -Wall -Wextra -Wno-unused-parameter -Werror
BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS := $(foreach arch,x64 arm64,$(patsubst bpf/%.bpf.c,dist/bpf/%.$(arch).bpf.o,$(BPF_SOURCES)))
ADDON := build/Release/vmexit.node
SHELL_FILES := $(shell git ls-files test/lab .ci tools/setup 2>/dev/null | xargs -r grep -lE '^\#!.*(bash|sh)$$')

.PHONY: all bpf addon typescript setup demo test unit check format clean help lab-guests

all: bpf addon typescript ## build everything (the default)

bpf: $(BPF_OBJECTS) ## build the BPF objects for x64 and arm64

define bpf_rule
dist/bpf/%.$(1).bpf.o: bpf/%.bpf.c $$(wildcard bpf/*.h) Makefile
	@mkdir -p $$(@D)
	$$(CLANG) $$(BPF_FLAGS) -D__TARGET_ARCH_$$(BPF_ARCH_$(1)) -I$$(INCLUDE_$(1)) -c $$< -o $$@
endef
$(foreach arch,x64 arm64,$(eval $(call bpf_rule,$(arch))))

addon: $(ADDON) ## build the native addon

$(ADDON): binding.gyp $(wildcard native/*.cc native/*.h) bpf/vmexit.h node_modules/.package-lock.json
	npx node-gyp rebuild --loglevel=warn

typescript: node_modules/.package-lock.json ## compile the tools and their tests
	npx tsc -p .

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --ignore-scripts
	@touch $@

clean: ## remove everything built
	rm -rf build dist

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

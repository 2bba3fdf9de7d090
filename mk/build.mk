##@ Build
# The BPF objects, the addon, the tools, their man pages and completions, into dist/ and build/.
ARCHITECTURES := x64 arm64 riscv64 ppc64
CLANG ?= clang
BPF_ARCH_x64 := x86
BPF_ARCH_arm64 := arm64
BPF_ARCH_riscv64 := riscv
BPF_ARCH_ppc64 := powerpc
# asm/types.h, of the machine that builds.
BPF_INCLUDE := /usr/include/$(shell gcc -dumpmachine 2>/dev/null)
# The folder of the sources isn't in what is built.
BPF_FLAGS := -g -fdebug-compilation-dir=. -O2 -mcpu=v3 -target bpf -Wall -Wextra -Wno-unused-parameter -Werror -I$(BPF_INCLUDE)
BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_HEADERS := $(wildcard bpf/*.h bpf/*/*.h)
BPF_OBJECTS := $(foreach arch,$(ARCHITECTURES),$(BPF_SOURCES:bpf/%.bpf.c=dist/bpf/%.$(arch).bpf.o))
ADDON := build/Release/vmexit.node
ADDON_SANITIZED := build/sanitized/vmexit.node
ADDON_SOURCES := binding.gyp package.json $(wildcard native/*.cc native/*.h native/*/*.cc native/*/*.h bpf/contract/*.h) node_modules/.package-lock.json

.PHONY: all bpf addon typescript man completions clean

all: bpf addon typescript man completions ## build everything (the default)

bpf: $(BPF_OBJECTS) ## build the BPF objects of every architecture

define bpf_rule
dist/bpf/%.$(1).bpf.o: bpf/%.bpf.c $$(BPF_HEADERS) mk/build.mk
	@mkdir -p $$(@D)
	$$(CLANG) $$(BPF_FLAGS) -D__TARGET_ARCH_$$(BPF_ARCH_$(1)) -c $$< -o $$@
endef
$(foreach arch,$(ARCHITECTURES),$(eval $(call bpf_rule,$(arch))))
# It includes the other.
$(ARCHITECTURES:%=dist/bpf/vmexit-details.%.bpf.o): bpf/vmexit.bpf.c

addon: $(ADDON) ## build the native addon

$(ADDON): $(ADDON_SOURCES)
	npx node-gyp configure build --loglevel=warn
	@touch $@

# node-gyp builds in the folder of binding.gyp only: this folder leads to the same files.
SANITIZERS := -fsanitize=address$(comma)undefined -fno-sanitize-recover=all
$(ADDON_SANITIZED): $(ADDON_SOURCES)
	@mkdir -p $(@D)
	@for name in binding.gyp bpf native node_modules package.json; do ln -sfn ../../$$name $(@D)/$$name; done
	CXXFLAGS="-g $(SANITIZERS)" LDFLAGS="$(SANITIZERS)" npx node-gyp -C $(@D) configure build --loglevel=warn
	@cp $(@D)/build/Release/vmexit.node $@

# TypeScript's side of the contract.
src/contract.ts: packaging/contract.mjs $(wildcard bpf/contract/*.h)
	node packaging/contract.mjs

# The widths of characters, of the package's Unicode.
src/render/widths.ts: packaging/widths.mjs | node_modules/.package-lock.json
	node packaging/widths.mjs

src/trace/kinds.ts: packaging/kinds.mjs bpf/contract/kinds.h
	node packaging/kinds.mjs

typescript: node_modules/.package-lock.json src/contract.ts src/trace/kinds.ts src/render/widths.ts ## compile the tools and the tests
	npx tsc -p .
	node dist/packaging/bundle.js

man: typescript ## write the man pages
	node dist/packaging/man.mjs

completions: typescript ## write the completions for bash, zsh and fish
	node dist/packaging/completions.js

clean: ## remove everything built
	rm -rf build dist prebuilds

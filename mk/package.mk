##@ Package
# What is given to others: the addon built for every host, and the packages that bring it.

# Of what is linked in and of the C library see packaging/fetch-sysroot. Warnings as node-gyp's, of another compiler.
PREBUILT_FLAGS := -std=c++17 -O2 -fPIC -fexceptions -fvisibility=hidden -ffunction-sections -fdata-sections -fstack-protector-strong \
  -D_FORTIFY_SOURCE=2 -Wall -Wextra -Wno-unused-parameter -Werror \
  -DNAPI_VERSION=8 -DVMEXIT_VERSION=$(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json) -DNODE_GYP_MODULE_NAME=vmexit -DBUILDING_NODE_EXTENSION -Inode_modules/node-addon-api -Inode_modules/node-api-headers/include
# --wrap: see native/static_libbpf.cc. libstdc++ and libgcc stay shared: Node needs them itself.
PREBUILT_LDFLAGS := -shared -s -Wl,--wrap=stderr,--gc-sections,--exclude-libs=ALL,--as-needed,-z,relro,-z,now,-z,noexecstack
TRIPLE_x64 := x86_64-linux-gnu
TRIPLE_arm64 := aarch64-linux-gnu
TRIPLE_riscv64 := riscv64-linux-gnu
TRIPLE_ppc64 := powerpc64le-linux-gnu
# Those that packages bring; others build the addon on the host, and for the lab here.
RELEASED := x64 arm64
PREBUILTS := $(foreach arch,$(RELEASED),prebuilds/linux-$(arch)/vmexit.node)

.PHONY: prebuilds archive deb rpm release

prebuilds: $(PREBUILTS) prebuilds/LICENSES ## build the addon for every glibc from 2.28 on, for x64 and arm64

# Into build/packages, for x64 and arm64.
release: archive deb rpm ## make what is released: the npm package, and for hosts without Node archives, .deb and .rpm
	npm pack --pack-destination build/packages

archive deb rpm: all prebuilds ## make the archives, the .deb or the .rpm
	for arch in $(RELEASED); do packaging/pack $@ $$arch || exit; done

define prebuilt_rule
build/prebuilds/$(1)/%.o: native/%.cc $(wildcard native/*.h native/*/*.h bpf/contract/*.h) packaging/fetch-sysroot packaging/sysroot.c mk/package.mk package.json node_modules/.package-lock.json
	@mkdir -p $$(@D)
	@echo "$$@"; sysroot=$$$$(packaging/fetch-sysroot $(1)) && \
	  $(CLANG)++ --target=$(TRIPLE_$(1)) --sysroot="$$$$sysroot" $(PREBUILT_FLAGS) -c $$< -o $$@

prebuilds/linux-$(1)/vmexit.node: $(patsubst native/%.cc,build/prebuilds/$(1)/%.o,$(sort $(wildcard native/*.cc native/*/*.cc)))
	@mkdir -p $$(@D)
	@echo "$$@"; sysroot=$$$$(packaging/fetch-sysroot $(1)) && \
	  $(CLANG)++ --target=$(TRIPLE_$(1)) --sysroot="$$$$sysroot" $(PREBUILT_LDFLAGS) -o $$@ $$^ -lbpf -lelf -lz
endef
$(foreach arch,$(ARCHITECTURES),$(eval $(call prebuilt_rule,$(arch))))

# Of the libraries that are linked in, as Debian's packages have them.
prebuilds/LICENSES: packaging/fetch-sysroot
	@mkdir -p $(@D)
	@packages=$$(packaging/fetch-sysroot x64)/usr/share/doc && \
	  for name in libbpf libelf zlib1g; do printf '\n==== %s\n\n' $$name && cat "$$packages/$$name-dev/copyright"; done > $@

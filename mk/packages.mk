##@ Set up
# Debian's packages for each purpose, and npm's packages as package-lock.json pins them.
BUILD_PACKAGES := clang g++ gcc libbpf-dev libelf-dev linux-libc-dev make pkg-config python3 zlib1g-dev
# To boot the lab's machine with AMD's processor.
LAB_PACKAGES := busybox-static cpio kmod qemu-system-x86 util-linux xz-utils
# Linters, and what the tests run: shells for completions, man for pages, perf and tmux in the lab; zstd makes boots shorter.
TEST_PACKAGES := clang-format fish git linux-perf man-db openssl rpm rpm2cpio shellcheck systemd tmux zsh zstd
# To boot the lab's machines with other processors: Intel's (bochs and its disk), arm64's.
MATRIX_PACKAGES := bochs bochs-term bochsbios vgabios grub-pc-bin grub-common xorriso mtools bsdutils e2fsprogs \
  qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross
# To boot machines of the matrix that `make test` leaves out: riscv64's, ppc64's.
FOREIGN_PACKAGES := qemu-system-misc gcc-riscv64-linux-gnu libc6-dev-riscv64-cross \
  qemu-system-ppc gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross
# A browser for the report's page.
BROWSER_PACKAGES := chromium
# To install the packages into other systems, and to check them.
INSTALL_PACKAGES := debootstrap lintian rpm rpm2cpio git qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross
# The peers that `make bench` compares with, and what they need.
BENCH_PACKAGES := bpfcc-tools bpftrace trace-cmd

# What `packages` installs: what its caller needs, by the variables of targets.
PACKAGES := $(BUILD_PACKAGES)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: packages setup

packages: ## install the Debian packages that building needs, as root or through sudo
	@missing=$$(for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [[ -n $$missing ]]; then echo "Installing these Debian packages with apt-get:" $$missing; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; fi

# In this order, and each as a make of its own: what make finds out at its start may have been installed by the one before.
setup: PACKAGES += $(LAB_PACKAGES) $(TEST_PACKAGES) $(MATRIX_PACKAGES)
setup: packages ## install everything that the tests need, and npm's packages
	@$(MAKE) --no-print-directory node_modules/.package-lock.json

node_modules/.package-lock.json: package.json package-lock.json
	@echo "Installing the npm packages of package-lock.json into node_modules"
	npm ci --ignore-scripts
	@touch $@

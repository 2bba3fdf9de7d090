# Builds the BPF objects, the addon and the tools, and runs demo and tests; `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := all
include lab/Makefile
ARCHITECTURES := x64 arm64
CLANG ?= clang
BPF_ARCH_x64 := x86
BPF_ARCH_arm64 := arm64
# asm/types.h, of the machine that builds.
BPF_INCLUDE := /usr/include/$(shell gcc -dumpmachine 2>/dev/null)
BPF_FLAGS := -g -O2 -mcpu=v3 -target bpf -Wall -Wextra -Wno-unused-parameter -Werror -I$(BPF_INCLUDE)
BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS := $(foreach arch,$(ARCHITECTURES),$(BPF_SOURCES:bpf/%.bpf.c=dist/bpf/%.$(arch).bpf.o))
ADDON := build/Release/vmexit.node
ADDON_ARM64 := build/arm64/vmexit.node
ADDON_SANITIZED := build/sanitized/vmexit.node
comma := ,
GUEST := $(LAB_OUT)/guest

# Debian's packages: to build; to run the lab; to check.
BUILD_PACKAGES := clang g++ gcc libbpf-dev libelf-dev linux-libc-dev make pkg-config python3 zlib1g-dev
LAB_PACKAGES := busybox-static cpio kmod linux-perf qemu-system-x86 tmux util-linux xz-utils zstd
CHECK_PACKAGES := clang-format fish git man-db shellcheck zsh
PACKAGES := $(BUILD_PACKAGES) $(LAB_PACKAGES) $(CHECK_PACKAGES)
# For the tests on other processors than the one that the lab has by itself: Intel's, arm64.
MATRIX_PACKAGES := bochs bochs-term bochsbios vgabios grub-pc-bin grub-common xorriso mtools bsdutils e2fsprogs \
  qemu-system-arm g++-aarch64-linux-gnu libc6-dev-arm64-cross
# The peers that `make bench` compares with, and what they need.
BENCH_PACKAGES := bpfcc-tools bpftrace linux-perf trace-cmd
# Machines, --cpu and --kernel of lab/run; -nested: the guests are guests of a guest.
BENCH_MACHINES := $(foreach machine,$(foreach kernel,bullseye bookworm trixie sid,svm-$(kernel)) vmx-bullseye vmx-bookworm,$(machine) $(machine)-nested)
# What VMX's disk lacks for the peers, with the headers that bpftrace includes; kvmexit has its kernel's besides.
BENCH_NEEDS = $(addprefix /usr/bin/,bpftrace perf python3 trace-cmd) /usr/sbin/kvmexit-bpfcc $(wildcard /usr/lib/python3.*) \
  /usr/lib/python3/dist-packages/bcc $(addprefix /usr/lib/x86_64-linux-gnu/,libbcc.so.0 librt.so.1) \
  $(addprefix /usr/include/,linux asm-generic x86_64-linux-gnu/asm) $(wildcard $(KVM_STAT))
# What VMX's disk lacks for a guest of a guest, whose kernel is that of the suite.
nested_needs = $(addprefix /usr/bin/,cp cpio mktemp qemu-system-x86_64 xargs) /usr/sbin/modprobe /usr/share/qemu /usr/share/seabios \
  $(realpath $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kvm-vmexit/kernels/$(1)-amd64)
# kvm_stat isn't Debian's: compared with where it is.
KVM_STAT := $(abspath ../shared/seeds/kvm_stat.el8.py)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

C_FILES := $(wildcard bpf/*.[ch] bpf/*/*.h native/*.cc native/*.h native/*/*.cc native/*/*.h bench/*.c)
SHELL_FILES := .ci/run $(addprefix lab/,run init fetch-kernel common.sh bochs.sh demo nested fetch-arm64-root) bench/trace-format.sh bench/fetch-headers bench/kvmexit

TEST := node --test --test-reporter=spec --test-concurrency=1
compiled = $(patsubst test/%.ts,dist/test/%.js,$(wildcard $(1)))

# The tests of test/lab in two machines, of about the same length.
LAB_COUNTING := $(patsubst %,test/lab/%.test.ts,count example faults groups native overhead programs trace)
LAB_REST := $(filter-out $(LAB_COUNTING),$(wildcard test/lab/*.test.ts)) $(wildcard test/matrix/*.test.ts)
# Machines, --cpu and --kernel of lab/run. `make test` has bookworm's SVM in test-lab, and these besides.
MATRIX_OF_TEST := vmx-trixie svm-bullseye svm-sid arm64-bookworm
MATRIX := $(foreach kernel,bookworm trixie,vmx-$(kernel)) \
  $(foreach cpu,svm arm64,$(foreach kernel,bullseye bookworm trixie sid,$(cpu)-$(kernel)))
MATRIX_TESTS := test/matrix/*.test.ts
LAB_TESTS := lab-counting lab-rest lab-multiprocess lab-instructions
# Emulators have one thread each that computes, and 2 GiB; what a machine prints comes when it has ended.
JOBS := $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))
LAB_JOBS := --jobs=$(JOBS) --keep-going --output-sync=target
# Not held back like the rest: said when it begins.
begins = +@echo "$@: tests in the lab begin"

.PHONY: all bpf addon addon-arm64 typescript man completions packages setup demo bench bench-run test test-unit \
  test-sanitized test-package test-lab test-matrix nested-vmx test-leaks matrix-built matrix $(LAB_TESTS) check format clean help

all: bpf addon typescript man completions ## build everything (the default)

bpf: $(BPF_OBJECTS) ## build the BPF objects, for x64 and arm64

define bpf_rule
dist/bpf/%.$(1).bpf.o: bpf/%.bpf.c $$(wildcard bpf/*.h bpf/*/*.h) Makefile
	@mkdir -p $$(@D)
	$$(CLANG) $$(BPF_FLAGS) -D__TARGET_ARCH_$$(BPF_ARCH_$(1)) -c $$< -o $$@
endef
$(foreach arch,$(ARCHITECTURES),$(eval $(call bpf_rule,$(arch))))

# For the test of what a user sees when the verifier refuses a program.
REFUSED := build/lab/refused.bpf.o
$(REFUSED): test/lab/refused.bpf.c $(wildcard bpf/*.h bpf/*/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -Wno-unused-function -D__TARGET_ARCH_x86 -c $< -o $@

addon: $(ADDON) ## build the native addon

ADDON_SOURCES := binding.gyp $(wildcard native/*.cc native/*.h native/*/*.cc native/*/*.h bpf/contract/*.h) node_modules/.package-lock.json
$(ADDON): $(ADDON_SOURCES)
	npx node-gyp configure build --loglevel=warn
	@touch $@

# node-gyp builds in the folder of binding.gyp only: these folders lead to the same files.
define build_apart
@mkdir -p $(@D)
@for name in binding.gyp bpf native node_modules; do ln -sfn ../../$$name $(@D)/$$name; done
$(1) npx node-gyp -C $(@D) configure build --loglevel=warn $(2)
@cp $(@D)/build/Release/vmexit.node $@
endef

# Headers and libraries are those of the lab's root, so that nothing of another architecture is installed here.
$(ADDON_ARM64): $(ADDON_SOURCES) lab/fetch-arm64-root
	$(call build_apart,root=$$(lab/fetch-arm64-root) && libraries=$$root/usr/lib/aarch64-linux-gnu && \
	  CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ CXXFLAGS="-idirafter $$root/usr/include" LDFLAGS=-L$$libraries \
	  PKG_CONFIG_SYSROOT_DIR=$$root PKG_CONFIG_LIBDIR=$$libraries/pkgconfig,--arch=arm64)

SANITIZERS := -fsanitize=address$(comma)undefined -fno-sanitize-recover=all
$(ADDON_SANITIZED): $(ADDON_SOURCES)
	$(call build_apart,CXXFLAGS="-g $(SANITIZERS)" LDFLAGS="$(SANITIZERS)")

addon-arm64: $(ADDON_ARM64) ## build the native addon for arm64, for the lab

typescript: node_modules/.package-lock.json ## compile the tools and the tests
	npx tsc -p .
	node dist/packaging/bundle.js
	@chmod +x dist/bin/*.js

man: typescript ## write the man pages
	node dist/packaging/man.mjs

completions: typescript ## write the completions for bash, zsh and fish
	node dist/packaging/completions.js

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --ignore-scripts
	@touch $@

packages: ## install the Debian packages that are missing, as root or through sudo
	@missing=$$(for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [[ -n $$missing ]]; then echo "Installing $$missing"; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; fi

# In this order, and each as a make of its own: what make finds out at its start may have been installed by the one before.
setup: packages ## install everything that is missing, and the pinned npm packages
	@$(MAKE) --no-print-directory node_modules/.package-lock.json

demo: setup ## boot a KVM host in emulation, start guests and show their exits
	@$(MAKE) --no-print-directory all $(GUEST)
	lab/run lab/demo

bench: PACKAGES += $(BENCH_PACKAGES) $(MATRIX_PACKAGES)
bench: setup ## measure what tracing costs, ours and others', into docs/bench.md; BENCH_MACHINES=svm-bookworm: one machine, into build/bench/bench.md
	@$(MAKE) --no-print-directory all $(GUEST)
	@$(MAKE) --no-print-directory --jobs=$(JOBS) bench-run

# A machine that was measured since the last build isn't measured again, so that what was interrupted goes on. The longest first.
bench-run: $(patsubst %,build/bench/%.json,$(filter vmx-%,$(BENCH_MACHINES)) process $(filter-out vmx-%,$(BENCH_MACHINES)))
	bench/trace-format.sh 2000000 | tee build/bench/format.txt
	node dist/bench/report.js

BENCH_SOURCES = $(ADDON) $(GUEST) $(BPF_OBJECTS) build/bench/empty build/bench/empty.bpf.o bench/contestants.ts bench/guest.ts \
  bench/measure.ts bench/results.ts bench/workloads.ts
MEASURE = env KVM_STAT=$(KVM_STAT) node dist/bench/measure.js $(basename $(@F))

suite = $(firstword $(subst -, ,$*))

# highres=off: QEMU delivers an interrupt injected into a guest once more, even with interrupts off, if a timer of the host's
# expires before the guest's next exit: L1 then waits for a lock that it holds (its SVM_EVTINJ_TYPE_INTR leaves exception_index
# set, which the end of a round of instructions finds). With timers at ticks only, L1's is due at one, and the next is 4 ms away.
build/bench/svm-%.json: $(BENCH_SOURCES)
	lab/run --kernel $(suite) --icount --timeout 3000 $(if $(filter %-nested,$*),--append highres=off) -- $(MEASURE) > $@.part
	mv $@.part $@

build/bench/vmx-%.json: $(BENCH_SOURCES)
	headers=$$(bench/fetch-headers $(suite)) || true; \
	lab/run --cpu vmx --kernel $(suite) --icount --timeout 5000 $(BENCH_NEEDS:%=--copy %) $${headers:+--copy "$$headers"} \
	  $(if $(filter %-nested,$*),$(patsubst %,--copy %,$(call nested_needs,$(suite)))) -- $(MEASURE) > $@.part
	mv $@.part $@

build/bench/process.json: $(ADDON) $(GUEST) $(BPF_OBJECTS) build/bench/fill bench/guest.ts bench/process.ts bench/results.ts bench/start.ts
	lab/run --icount --timeout 3000 -- node dist/bench/process.js > $@.part
	mv $@.part $@

build/bench/empty.bpf.o: bench/empty.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

.SECONDARY: build/bench/empty build/bench/fill
build/bench/%: bench/%.c bpf/contract/vmexit.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -o $@ $< -lbpf

test test-matrix: PACKAGES += $(MATRIX_PACKAGES)
test: setup ## run everything: checks, unit tests, and tests on emulated KVM hosts
	@$(MAKE) --no-print-directory all check test-unit test-sanitized test-package
	@$(MAKE) --no-print-directory matrix-built $(GUEST) $(REFUSED)
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(MATRIX_OF_TEST:%=matrix-%) $(LAB_TESTS)

test-matrix: setup ## run the tests of exact numbers on every kernel with SVM, VMX and arm64
	@$(MAKE) --no-print-directory matrix MATRIX_OF_TEST="$(MATRIX)" \
	  MATRIX_TESTS="$(MATRIX_TESTS) test/lab/count.test.ts test/lab/time.test.ts test/lab/faults.test.ts"
	@$(MAKE) --no-print-directory nested-vmx test-leaks

# ajv and what it needs check JSON against its schema.
nested-vmx: matrix-built
	$(begins)
	lab/run --cpu vmx --timeout 3600 $(patsubst %,--copy %,$(call nested_needs,bookworm) \
	  $(addprefix node_modules/,ajv fast-deep-equal fast-uri json-schema-traverse require-from-string)) -- env PATH=/usr/bin:/usr/sbin:/usr/local/bin:/bin \
	  $(TEST) $(call compiled,test/multiprocess/nested.test.ts)

test-leaks: all $(GUEST) $(REFUSED) ## open and close the addon 2,000 times in the lab, and look for what stays
	lab/run --timeout 7200 env TURNS=2000 $(TEST) $(call compiled,test/lab/native.test.ts)

matrix: matrix-built
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(MATRIX_OF_TEST:%=matrix-%)

# In one make, before several runs need them at once.
matrix-built: all lab lab-arm64 addon-arm64

# Only SVM's machines are quick enough for more, and have what those need: VMX's disk has no development packages.
matrix_tests = $(if $(filter svm-%,$(1)),$(MATRIX_TESTS),test/matrix/*.test.ts)
matrix-%:
	$(begins)
	lab/run --cpu $(firstword $(subst -, ,$*)) --kernel $(lastword $(subst -, ,$*)) --timeout 1800 -- \
	  $(TEST) $(call compiled,$(call matrix_tests,$*))

test-unit: all ## run the tests that need no KVM host
	$(TEST) $(call compiled,test/unit/*.test.ts)

# Node isn't built with the sanitizers, so they are loaded before it, and what it leaves allocated is no leak of ours.
test-sanitized: all $(ADDON_SANITIZED) ## run the tests of the addon built with sanitizers
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
	  $(TEST) $(call compiled,test/sanitized/*.test.ts)

test-package: all $(GUEST) lab-kernel ## run the tests of the lab itself and of the package
	$(TEST) $(call compiled,test/package/*.test.ts)

# Fetched first: a test compares the streams of the lab's run, where the download is announced.
.PHONY: lab-kernel
lab-kernel:
	lab/fetch-kernel >/dev/null

test-lab: all lab $(REFUSED) ## run the tests that need a KVM host, on Linux 6.1 with SVM in the lab
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(LAB_TESTS)

lab-counting:
	$(begins)
	lab/run --timeout 3000 $(TEST) $(call compiled,$(LAB_COUNTING))
lab-rest:
	$(begins)
	lab/run --timeout 3000 $(TEST) $(call compiled,$(LAB_REST))
lab-multiprocess:
	$(begins)
	lab/run --parallel --timeout 1200 $(TEST) $(call compiled,test/multiprocess/*.test.ts)
lab-instructions:
	$(begins)
	lab/run --icount --timeout 1200 $(TEST) $(call compiled,test/instructions/*.test.ts)

check: node_modules/.package-lock.json ## run type checks, linters and formatters, changing nothing
	npx tsc -p . --noEmit
	npx eslint .
	npx prettier --check --log-level warn .
	clang-format --dry-run -Werror $(C_FILES)
	shellcheck -x $(SHELL_FILES)

format: ## format all sources
	npx prettier --write --log-level warn .
	clang-format -i $(C_FILES)

clean: ## remove everything built
	rm -rf build dist

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

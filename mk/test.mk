##@ Test
# A folder of test/ is a tier, named by what it shows; docs/testing.md says what each takes and when to run it.
NODE_TEST := node --test --test-reporter=spec --test-concurrency=1
compiled = $(patsubst test/%.ts,dist/test/%.js,$(wildcard $(1)))

# For the test of what a user sees when the verifier refuses a program.
REFUSED := build/lab/refused.bpf.o
$(REFUSED): test/lab/refused.bpf.c $(BPF_HEADERS)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -Wno-unused-function -D__TARGET_ARCH_x86 -c $< -o $@

# Of `test-one`: a file of test/, words of a title in it, a machine other than svm-bookworm.
TEST :=
NAME :=
MACHINE :=
TIER := $(word 2,$(subst /, ,$(TEST)))

# For each tier, what must be built and what its tests run under.
needs_unit := all
needs_sanitized := all $(ADDON_SANITIZED)
needs_package := all prebuilds $(GUEST) lab-kernel
needs_install := all prebuilds lab lab-arm64
needs_prometheus := all
needs_browser := all
needs_lab := all lab $(REFUSED)
needs_multiprocess := $(needs_lab)
needs_instructions := $(needs_lab)
# Of machines of other architectures: the guest and the addon.
foreign_needs = $(foreach cpu,$(sort $(filter $(LAB_FOREIGN),$(foreach machine,$(1),$(call cpu_of,$(machine))))), \
  lab-$(cpu) prebuilds/linux-$(cpu)/vmexit.node)
needs_matrix := $(needs_lab) $(call foreign_needs,$(MACHINE))
needs_clocks := $(needs_matrix)
needs_hosts := $(needs_lab)
needs_nested := $(needs_lab)
needs_boots := $(needs_lab)
# Node isn't built with the sanitizers, so they are loaded before it, and what it leaves allocated is no leak of ours.
under_sanitized = LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0
# debootstrap, dpkg and other root folders are root's.
under_install = $(if $(SUDO),$(SUDO) --preserve-env=HOME$(comma)XDG_CACHE_HOME$(comma)PATH)
under_lab = $(LAB_RUN) $(call on_machine,$(MACHINE)) --timeout 3000
under_multiprocess = $(LAB_RUN) $(call on_machine,$(MACHINE)) --parallel --timeout 1200
under_instructions = $(LAB_RUN) $(call on_machine,$(MACHINE)) --icount --timeout 1200
under_matrix = $(under_lab)
under_clocks = $(under_instructions)
under_hosts = $(if $(findstring one-cpu,$(TEST)),$(under_instructions),$(under_lab))
# See mk/bench.mk for highres=off.
under_nested = $(LAB_RUN) $(call on_machine,$(MACHINE)) --icount --append highres=off --timeout 1200

under_boots = $(LAB_RUN) --mem 1024 --append "lockdown=$(patsubst test/boots/%.test.ts,%,$(TEST)) possible_cpus=512" --timeout 600

# The tests of test/lab in two machines that take about six minutes each: counts, recordings and losses; times, kvm-stat,
# groups, the cost as the kernel measures it, and agreement with ftrace.
LAB_COUNTS := $(patsubst %,test/lab/%.test.ts,count example faults native programs trace)
LAB_TIMES := $(filter-out $(LAB_COUNTS),$(wildcard test/lab/*.test.ts)) $(wildcard test/matrix/*.test.ts)
# The longest first, so that none is left alone at the end.
LAB_TESTS := lab-times lab-counts lab-instructions lab-multiprocess
HERE_TESTS := test-package test-unit check test-sanitized test-prometheus

# Machines of `make test` beside svm-bookworm, whose tests are LAB_TESTS. vmx: Intel's reasons and fields, with programs attached directly.
MATRIX_OF_TEST := vmx-trixie
# Linux 5.10, the oldest that is supported: programs attach by payload, and several ways of the kernel are missing.
MATRIX_OF_TEST += svm-bullseye
# The newest kernel: what changed in KVM is seen here first.
MATRIX_OF_TEST += svm-sid
# The other architecture: its reasons, its page of the kernel's BTF, the addon built for it.
MATRIX_OF_TEST += arm64-bookworm
# All that the lab can boot; vmx-bullseye and vmx-sid are left out, whose boots in Bochs take some 150 s each.
# bookworm-rt: tracepoints' common fields are longer under PREEMPT_RT; on emulated SVM its KVM doesn't load.
MATRIX := $(foreach kernel,bookworm bookworm-rt trixie,vmx-$(kernel)) \
  $(foreach cpu,svm arm64,$(foreach kernel,bullseye bookworm trixie sid,$(cpu)-$(kernel))) \
  riscv64-trixie
MATRIX_TESTS := test/matrix/*.test.ts
# What a job prints comes when it has ended.
LAB_JOBS := --jobs=$(JOBS) --keep-going --output-sync=target
# dist/ isn't written while machines read it.
AS_BUILT := $(addprefix --assume-old=,all prebuilds lab-kernel)
# Not held back like the rest: said when it begins.
begins = +@echo "$@ begins"

.PHONY: test test-one test-unit test-sanitized test-package test-prometheus test-browser test-install test-lab test-matrix test-clocks test-costs test-leaks nested-vmx matrix matrix-built $(LAB_TESTS)

test: setup ## run everything: checks, unit tests, and tests on emulated KVM hosts
	@$(MAKE) --no-print-directory matrix-built lab-kernel $(GUEST) $(REFUSED)
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(AS_BUILT) $(LAB_TESTS) $(MATRIX_OF_TEST:%=matrix-%) $(HERE_TESTS)

# Make hands NAME to the recipe's environment, which takes any character.
test-one: $(needs_$(TIER)) ## run one file, in the lab if it needs it: TEST=test/lab/count.test.ts [NAME="words of a title"] [MACHINE=vmx-bookworm]
	@[[ -f "$(TEST)" && -n "$(needs_$(TIER))" ]] || { echo 'make test-one: TEST is a file of test/: make test-one TEST=test/unit/vm.test.ts' >&2; exit 2; }
	$(under_$(TIER)) $(NODE_TEST) $${NAME:+"--test-name-pattern=$$NAME"} $(call compiled,$(TEST))

test-unit: $(needs_unit) ## run the tests that need no KVM host
	$(begins)
	$(NODE_TEST) $(call compiled,test/unit/*.test.ts)

test-sanitized: $(needs_sanitized) ## run the tests of the addon built with sanitizers
	$(begins)
	$(under_sanitized) $(NODE_TEST) $(call compiled,test/sanitized/*.test.ts)

# The kernel is fetched first: a test compares the streams of the lab's run, where the download is announced.
test-package: $(needs_package) ## run the tests of the lab itself and of the package
	$(begins)
	$(NODE_TEST) $(call compiled,test/package/*.test.ts)

# Node runs the file itself: its test runner would print the tests of a file only when all have ended.
test-install: PACKAGES += $(LAB_PACKAGES) $(INSTALL_PACKAGES)
test-install: packages ## install every package into small roots of Debian 11, 12 and 13, and count on their kernels; every Node
	@$(MAKE) --no-print-directory $(needs_install)
	$(under_install) node --test-reporter=spec $(call compiled,test/install/*.test.ts)

test-browser: PACKAGES += $(BROWSER_PACKAGES)
test-browser: packages ## open the report's page in Debian's Chromium, headless; pictures are left in build/pages
	@$(MAKE) --no-print-directory $(needs_browser)
	$(NODE_TEST) $(call compiled,test/browser/*.test.ts)

test-prometheus: $(needs_prometheus) ## run the tests with Debian's Prometheus, which is fetched: what it makes of metrics, rules and the dashboard
	$(begins)
	$(NODE_TEST) $(call compiled,test/prometheus/*.test.ts)

test-lab: $(needs_lab) ## run the tests that need a KVM host, on Linux 6.1 with SVM in the lab
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(LAB_TESTS)

lab-counts:
	$(begins)
	$(under_lab) $(NODE_TEST) $(call compiled,$(LAB_COUNTS))
lab-times:
	$(begins)
	$(under_lab) $(NODE_TEST) $(call compiled,$(LAB_TIMES))
lab-multiprocess:
	$(begins)
	$(under_multiprocess) $(NODE_TEST) $(call compiled,test/multiprocess/*.test.ts)
lab-instructions:
	$(begins)
	$(under_instructions) $(NODE_TEST) $(call compiled,test/instructions/*.test.ts test/clocks/*.test.ts)

test-matrix: PACKAGES += $(FOREIGN_PACKAGES)
test-matrix: setup ## run the tests of exact numbers on every kernel with SVM, VMX, arm64 and riscv64
	@$(MAKE) --no-print-directory matrix MATRIX_OF_TEST="$(MATRIX)" \
	  MATRIX_TESTS="$(MATRIX_TESTS) test/lab/count.test.ts test/lab/time.test.ts test/lab/faults.test.ts test/lab/split.test.ts"
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(BOOTS)
	@$(MAKE) --no-print-directory nested-vmx test-clocks test-costs test-leaks

matrix: matrix-built
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(MATRIX_OF_TEST:%=matrix-%)

# In one make, before several runs need them at once.
matrix-built: all lab prebuilds $(call foreign_needs,$(MATRIX_OF_TEST))

# Only SVM's machines are quick enough for more, and have what those need: VMX's disk has no development packages.
matrix_tests = $(if $(filter svm-%,$(1)),$(MATRIX_TESTS),test/matrix/*.test.ts)
matrix-%:
	$(begins)
	$(LAB_RUN) $(call on_machine,$*) --timeout 1800 -- $(NODE_TEST) $(call compiled,$(call matrix_tests,$*))

# Hosts that boot otherwise: a file for each mode of kernel lockdown, with more possible CPUs than are online.
BOOTS := $(patsubst test/boots/%.test.ts,boots-%,$(wildcard test/boots/*.test.ts))
boots-%:
	$(begins)
	@$(MAKE) --no-print-directory test-one TEST=test/boots/$*.test.ts

# Where vCPUs' time goes, against other witnesses: under instruction counting, and while the host does what hosts do.
CLOCKS := $(patsubst %,clocks-%,svm-bookworm svm-trixie svm-sid vmx-bookworm arm64-bookworm) \
  $(foreach kernel,bookworm trixie sid,hosts-svm-$(kernel) nested-split-svm-$(kernel))
test-clocks: matrix-built ## run the tests of where vCPUs' time goes: machines whose instructions are counted, hosts that do what hosts do
	@$(MAKE) --no-print-directory $(LAB_JOBS) $(CLOCKS)
clocks-%:
	$(begins)
	$(LAB_RUN) $(call on_machine,$*) --icount --timeout 1800 -- $(NODE_TEST) $(call compiled,test/clocks/*.test.ts)
hosts-%:
	$(begins)
	$(LAB_RUN) $(call on_machine,$*) --icount --timeout 1800 -- $(NODE_TEST) dist/test/hosts/one-cpu.test.js
	$(LAB_RUN) $(call on_machine,$*) --timeout 1800 -- $(NODE_TEST) dist/test/hosts/two-cpus.test.js
nested-split-%:
	$(begins)
	$(LAB_RUN) $(call on_machine,$*) --icount --append highres=off --timeout 1800 -- $(NODE_TEST) $(call compiled,test/nested/*.test.ts)

test-costs: matrix-built ## run the bounds on what tools add to an exit where they attach to raw tracepoints: Linux 5.10
	$(begins)
	$(LAB_RUN) $(call on_machine,svm-bullseye) --icount --timeout 1200 -- $(NODE_TEST) dist/test/instructions/cost.test.js

# What VMX's disk lacks for a guest of a guest, whose kernel is that of the suite.
nested_needs = $(addprefix /usr/bin/,cp cpio mktemp qemu-system-x86_64 xargs) /usr/sbin/modprobe /usr/share/qemu /usr/share/seabios \
  $(realpath $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kvm-vmexit/kernels/$(1)-amd64)
# ajv and what it needs check JSON against its schema.
nested-vmx: matrix-built ## run the tests of nested guests on Intel's VMX
	$(begins)
	$(LAB_RUN) --cpu vmx --timeout 3600 $(patsubst %,--copy %,$(call nested_needs,bookworm) \
	  $(addprefix node_modules/,ajv fast-deep-equal fast-uri json-schema-traverse require-from-string)) -- env PATH=/usr/bin:/usr/sbin:/usr/local/bin:/bin \
	  $(NODE_TEST) $(call compiled,test/multiprocess/nested.test.ts test/nested/*.test.ts)

test-leaks: $(needs_lab) ## open and close the addon 2,000 times in the lab, and look for what stays
	$(LAB_RUN) --timeout 7200 env TURNS=2000 $(NODE_TEST) $(call compiled,test/lab/native.test.ts)

##@ Measure
# What tracing costs, ours and others', in machines whose instructions are counted, into docs/bench.md and docs/bench.json.

# Machines, --cpu and --kernel of lab/run; -nested: the guests are guests of a guest.
BENCH_MACHINES := $(foreach machine,$(foreach kernel,bullseye bookworm trixie sid,svm-$(kernel)) vmx-bullseye vmx-bookworm,$(machine) $(machine)-nested)
# What VMX's disk lacks for the peers, with the headers that bpftrace includes; for kvmexit those of the kernel are added.
BENCH_NEEDS = $(addprefix /usr/bin/,bpftrace perf python3 trace-cmd) /usr/sbin/kvmexit-bpfcc $(wildcard /usr/lib/python3.*) \
  /usr/lib/python3/dist-packages/bcc $(addprefix /usr/lib/x86_64-linux-gnu/,libbcc.so.0 librt.so.1) \
  $(addprefix /usr/include/,linux asm-generic x86_64-linux-gnu/asm) $(wildcard $(KVM_STAT))
# kvm_stat isn't Debian's: compared with where it is.
KVM_STAT := $(abspath ../shared/seeds/kvm_stat.el8.py)

.PHONY: bench bench-run soak

bench: PACKAGES += $(BENCH_PACKAGES)
bench: setup ## measure what tracing costs, ours and others', into docs/bench.md; BENCH_MACHINES=svm-bookworm: one machine, the others stay as they were
	@$(MAKE) --no-print-directory all $(GUEST)
	@$(MAKE) --no-print-directory --jobs=$(JOBS) bench-run

# What is measured.
COMMIT = $(shell git describe --always --dirty)

# How long `soak` takes, in minutes of the lab's machine.
SOAK_MINUTES := 20
soak: PACKAGES += $(LAB_PACKAGES)
soak: packages node_modules/.package-lock.json ## run five tools and the library while VMs come and go, exactly; their memory and CPU; SOAK_MINUTES=2: shorter
	@$(MAKE) --no-print-directory all lab-kernel $(GUEST)
	$(LAB_RUN) --timeout $$(($(SOAK_MINUTES) * 60 + 600)) -- node dist/bench/soak.js $(SOAK_MINUTES)

# A machine that was measured since the last build isn't measured again, so that what was interrupted goes on. The longest first.
bench-run: $(patsubst %,build/bench/%.json,$(filter vmx-%,$(BENCH_MACHINES)) process $(filter-out vmx-%,$(BENCH_MACHINES)))
	bench/trace-format.sh 2000000 | tee build/bench/format.txt
	node dist/bench/export.js | tee build/bench/export.txt
	COMMIT=$(COMMIT) node dist/bench/report.js

BENCH_SOURCES = $(ADDON) $(GUEST) $(BPF_OBJECTS) build/bench/empty build/bench/empty.bpf.o bench/contestants.ts bench/guest.ts \
  bench/measure.ts bench/results.ts bench/workloads.ts
MEASURE = env KVM_STAT=$(KVM_STAT) COMMIT=$(COMMIT) node dist/bench/measure.js $(basename $(@F))

suite = $(firstword $(subst -, ,$*))

# highres=off: QEMU delivers an interrupt injected into a guest once more, even with interrupts off, if a timer of the host's
# expires before the guest's next exit: L1 then waits for a lock that it holds (its SVM_EVTINJ_TYPE_INTR leaves exception_index
# set, which the end of a round of instructions finds). With timers at ticks only, L1's is due at one, and the next is 4 ms away.
build/bench/svm-%.json: $(BENCH_SOURCES)
	$(LAB_RUN) --kernel $(suite) --icount --timeout 3000 $(if $(filter %-nested,$*),--append highres=off) -- $(MEASURE) > $@.part
	mv $@.part $@

build/bench/vmx-%.json: $(BENCH_SOURCES)
	headers=$$(bench/fetch-headers $(suite)) || true; \
	$(LAB_RUN) --cpu vmx --kernel $(suite) --icount --timeout 5000 $(BENCH_NEEDS:%=--copy %) $${headers:+--copy "$$headers"} \
	  $(if $(filter %-nested,$*),$(patsubst %,--copy %,$(call nested_needs,$(suite)))) -- $(MEASURE) > $@.part
	mv $@.part $@

build/bench/process.json: $(ADDON) $(GUEST) $(BPF_OBJECTS) build/bench/fill bench/guest.ts bench/process.ts bench/results.ts bench/start.ts
	$(LAB_RUN) --icount --timeout 3000 -- env COMMIT=$(COMMIT) node dist/bench/process.js > $@.part
	mv $@.part $@

build/bench/empty.bpf.o: bench/empty.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

.SECONDARY: build/bench/empty build/bench/fill
build/bench/%: bench/%.c $(wildcard bpf/contract/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -o $@ $< -lbpf

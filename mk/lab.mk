##@ Lab
# The emulated KVM hosts of lab/, and the demo in one of them. lab/Makefile builds the guests.
GUEST := $(LAB_OUT)/guest
LAB_RUN := lab/run

# Options of lab/run for a machine's name, --cpu and --kernel: svm-bookworm, vmx-bookworm-rt.
cpu_of = $(firstword $(subst -, ,$(1)))
on_machine = $(if $(1),--cpu $(cpu_of) --kernel $(1:$(cpu_of)-%=%))

.PHONY: demo picture lab-kernel

demo: PACKAGES += $(LAB_PACKAGES)
# Of the Debian packages only those that it needs: none of a linter, of a test or of another processor.
demo: packages ## boot a KVM host in emulation, start guests and show their exits
	@$(MAKE) --no-print-directory bpf addon typescript $(GUEST)
	$(LAB_RUN) lab/demo

picture: PACKAGES += $(LAB_PACKAGES) aha chromium tmux
picture: packages ## make docs/top.png anew, the picture of kvm-vmexit top in the README
	@$(MAKE) --no-print-directory bpf addon typescript $(GUEST)
	mkdir -p build/picture
	$(LAB_RUN) lab/picture >build/picture/top.html
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir=build/picture/profile \
	  --window-size=860,270 --screenshot=docs/top.png build/picture/top.html

lab-kernel: ## fetch the kernel that the lab boots, unless it is in the cache
	lab/fetch-kernel >/dev/null

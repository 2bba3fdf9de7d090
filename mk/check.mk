##@ Check
C_FILES := $(wildcard bpf/*.[ch] bpf/*/*.h native/*.cc native/*.h native/*/*.cc native/*/*.h packaging/*.c bench/*.c)
SHELL_FILES := .ci/run .githooks/pre-commit $(addprefix lab/,run init fetch-kernel common.sh bochs.sh demo picture nested fetch-root fetch-prometheus fetch-otlp) \
  $(addprefix packaging/,fetch-sysroot fetch-node fetch-root launcher pack) \
  bench/trace-format.sh bench/fetch-headers bench/kvmexit

.PHONY: check check-typescript check-c check-shell format hooks

check: check-typescript check-c check-shell ## run type checks, linters and formatters, changing nothing

check-typescript: node_modules/.package-lock.json
	node packaging/contract.mjs --check
	node packaging/kinds.mjs --check
	node packaging/widths.mjs --check
	npx tsc -p . --noEmit
	npx eslint .
	npx prettier --check --log-level warn .

check-c:
	clang-format --dry-run -Werror $(C_FILES)

check-shell:
	shellcheck -x $(SHELL_FILES)

format: ## format all sources
	npx prettier --write --log-level warn .
	clang-format -i $(C_FILES)

hooks: ## check what is staged before each commit (git's core.hooksPath)
	git config core.hooksPath .githooks

##@ Check
C_FILES := $(wildcard bpf/*.[ch] bpf/*/*.h native/*.cc native/*.h native/*/*.cc native/*/*.h bench/*.c)
SHELL_FILES := .ci/run $(addprefix lab/,run init fetch-kernel common.sh bochs.sh demo nested fetch-arm64-root) bench/trace-format.sh bench/fetch-headers bench/kvmexit

.PHONY: check format

check: node_modules/.package-lock.json ## run type checks, linters and formatters, changing nothing
	npx tsc -p . --noEmit
	npx eslint .
	npx prettier --check --log-level warn .
	clang-format --dry-run -Werror $(C_FILES)
	shellcheck -x $(SHELL_FILES)

format: ## format all sources
	npx prettier --write --log-level warn .
	clang-format -i $(C_FILES)

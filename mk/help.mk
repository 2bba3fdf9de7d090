##@ Help
# A file's line "##@ TITLE" is the head of its targets; a target is listed if "## TEXT" follows it.
.PHONY: help
help: ## list the targets
	@awk '/^##@ / { title = substr($$0, 5); next } \
	  /^[a-z0-9-]+:.*## / { \
	    if (title != "") print (printed++ ? "\n" : "") title ":"; title = ""; \
	    target = $$0; sub(/:.*/, "", target); sub(/.*## /, ""); printf "  make %-15s %s\n", target, $$0 }' $(MAKEFILE_LIST)

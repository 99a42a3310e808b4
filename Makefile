# What there is to do here. `make` alone lists it; CI calls `verify` and `test`, nothing else.
.DEFAULT_GOAL := help
.PHONY: help run test bench lint verify fix sbom vulns up down

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the whole system in one process, on embedded servers
	@bash scripts/run.sh

test: ## Run every test with the race detector, against real servers
	@bash scripts/test.sh

bench: ## Measure, and print a table and one JSON object
	@bash scripts/bench.sh

lint: ## Run the linter over all modules
	@bash scripts/lint.sh

verify: ## Check formatting, vet, lint, tidiness and that every module builds alone
	@bash scripts/verify.sh

fix: ## Repair what verify complains about, where a tool can
	@bash scripts/fix.sh

sbom: ## Write what each program is made of (CycloneDX) to bin/sbom
	@bash scripts/sbom.sh

vulns: ## Look up known vulnerabilities of what is shipped; says so when the database cannot be reached
	@bash scripts/vulnerabilities.sh

up: ## Start the system as containers (docker compose)
	@bash scripts/up.sh

down: ## Stop the containers; their data stays
	@docker compose down

# `make help` prints every target with its line.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build release bench test faults resume fuzz model seeded-bugs check docs demo clean dependencies

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'

dependencies: ## install what is missing from Debian, and the OpenStack clients for the tests into .venv
	@deploy/install-dependencies --tests

build: ## build for debugging
	@deploy/install-dependencies
	swift build

release: ## build the optimised binary: .build/release/longshore
	@deploy/install-dependencies
	swift build -c release --product longshore

bench: ## measure scripts, waits, cycles, memory and imports beside their targets (ARGS=--json; ARGS='--only cycles')
	@deploy/install-dependencies
	@swift build -c release --product longshore >&2
	@swift build -c release --product longshore-bench >&2
	@.build/release/longshore-bench --folder .build --binary .build/release/longshore $(ARGS)

test: ## build and run all tests
	@deploy/install-dependencies --tests
	swift build --build-tests
	@Tests/run

faults: ## run real fleets under faults and say which promises held (ARGS='--row F1 --scale 20 --seed 7')
	@deploy/install-dependencies --tests
	@swift build --product longshore >&2
	@swift build --product longshore-faults >&2
	@.build/debug/longshore-faults $(or $(ARGS),--scale 4)

resume: ## kill and drain workers half way through a large import, into a folder and a bucket, and count what is fetched twice (ARGS='--mib 1024')
	@deploy/install-dependencies --tests
	@swift build --product longshore >&2
	@for store in filesystem s3; do for end in "" --drain; do \
		Tests/Resume/kills --store $$store $$end --mib 256 --deaths 3 --rate 50 $(ARGS) || exit 1; \
	done; done

fuzz: ## feed hostile bytes to every parser that outsiders reach, for SECONDS (60) (TARGETS='url json', LEVEL=-Onone)
	@deploy/install-dependencies
	@swift build --target FuzzTests >&2
	@LEVEL=$(LEVEL) Tests/Fuzz/run $(or $(SECONDS),60) $(TARGETS)

model: ## explore the model of the lease protocol, whole, and show what breaks without each of its rules (ARGS=--trace)
	@deploy/install-dependencies
	@swift build -c release --product longshore-model >&2
	@.build/release/longshore-model $(ARGS)

seeded-bugs: ## put known bugs into a copy of the sources, one by one, and see which tests catch them (ARGS='--bug no-self-fence')
	@deploy/install-dependencies --tests
	@Tests/SeededBugs/run $(ARGS)

check: ## look over the sources: format, layers, Lua, scripts, deployment files
	@deploy/install-dependencies
	swift format lint --strict --parallel --recursive Sources Tests Package.swift
	@Tests/check/imports
	@Tests/check/lua
	@Tests/check/shell
	@Tests/check/acl
	@Tests/check/seeded-bugs

docs: ## check that every link in the documents leads somewhere
	@Tests/check/links

demo: ## import real images, kill a worker half way, and see the next one finish
	@deploy/install-dependencies
	swift build --product longshore
	@deploy/demo

clean: ## remove what was built
	rm -rf .build .venv .demo

PYTHON ?=
BIN := .venv/bin
LOCK_FLAGS ?=
PEERS ?=

# Every server that the tests and the benchmarks start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: bench-evidence bench-batch test-batch test-payments test-uses test-flips test-kills help setup serve demo test test-peers test-conformance test-sglang test-api test-wheel lint format bench bench-pool sheet lock

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

setup: ## make .venv with everything that the other targets need (repeatable, quick when done)
	@sh scripts/setup.sh $(if $(PYTHON),"$(PYTHON)")

serve: setup ## start the server; its data lives in .data/
	@$(BIN)/batchin serve --data-dir .data

demo: setup ## an agent finds a tool, pays, is answered and checks the proof
	@$(BIN)/batchin demo --data-dir .data

# In the order of the folders: what takes long comes first, and the many short files of units fill the end.
test: setup ## every test that needs Python alone, three processes for two cores
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

test-peers: setup ## the tests against programs that pip does not install
	@$(BIN)/pytest -m peers; code=$$?; \
	if [ $$code -eq 5 ]; then echo "No tests are marked 'peers'."; else exit $$code; fi

test-conformance: setup ## the official MCP suites against the MCP door (needs npm)
	@$(BIN)/pytest -m conformance -rP --no-header

test-sglang: setup ## the contract against a real SGLang, which it installs on the CPU (2.5 GB)
	@$(BIN)/batchin engines install sglang --cpu
	@$(BIN)/pytest -m sglang -vv -rP --durations=3 tests/contract/sglang tests/faults/pool

test-uses: setup ## a thousand uses of one payment are one run; a thousand upto calls move what each used
	@BATCHIN_TEST_USES=1000 $(BIN)/python -m pytest -q -s tests/contract/x402/test_http.py -k many_at_once
	@BATCHIN_TEST_UPTO_CALLS=1000 $(BIN)/python -m pytest -q tests/unit/settlement/x402/test_permit2.py -k many_calls

test-flips: setup ## tamper with each byte and each field of a hundred receipt bundles (some minutes)
	@BATCHIN_FLIPPED_BUNDLES=100 $(BIN)/python -m pytest -q -s --timeout 0 \
		tests/unit/settlement/evidence/test_flips.py tests/contract/proof

test-kills: setup ## kill -9 20 times (KILLS) in each of the campaigns that make test runs shortened
	@BATCHIN_TEST_KILLS=$(or $(KILLS),20) $(BIN)/pytest -s --timeout 0 tests/faults

test-api: setup ## CASES (20,000) generated requests of two accounts to the whole API (BATCHIN_FUZZ_ENGINE=local)
	@BATCHIN_FUZZ_CASES=$(or $(CASES),20000) $(BIN)/pytest -s tests/contract/fuzz

test-wheel: setup ## build the wheel, install it apart from the checkout and import it
	@$(BIN)/python -P scripts/check_wheel.py

lint: setup ## ruff, format check, mypy strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo

format: setup ## format the code and apply the safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure this checkout (PEERS=all: beside other gateways)
	@$(BIN)/python -m benchmarks --peers "$(PEERS)"
	@$(BIN)/python -m benchmarks.echo

bench-pool: setup ## 200 readers who stall beside 50 good ones; five times the load an engine can carry
	@$(BIN)/python -m benchmarks.readers
	@$(BIN)/python -m benchmarks.overload

bench-evidence: setup ## what signing, appending and logging 10,000 receipts takes
	@$(BIN)/python -m benchmarks.evidence

bench-batch: setup ## a batch of TASKS tasks (1,000,000) on an engine that answers at once
	@$(BIN)/python -m benchmarks.batch $(or $(TASKS),1000000)

test-batch: setup ## kill -9 30 times in a batch of 100,000 tasks
	@BATCHIN_TEST_KILLS=30 BATCHIN_TEST_TASKS=100000 $(BIN)/pytest -s tests/faults/jobs

test-payments: setup ## kill -9 25 times at each point of x402 payments and deposits on a chain (some minutes)
	@BATCHIN_TEST_PAYMENT_KILLS=25 $(BIN)/pytest -s --timeout 0 tests/faults/x402/test_kill9.py tests/faults/deposits

sheet: setup ## draw the contact sheets of docs/images.md again
	@$(BIN)/python -m benchmarks.illustrator_sheet prompts docs/images/illustrator.png
	@$(BIN)/python -m benchmarks.illustrator_sheet fresh docs/images/illustrator-fresh.png

lock: setup ## resolve requirements.lock again (LOCK_FLAGS=--upgrade moves to the newest versions)
	$(BIN)/uv pip compile pyproject.toml --extra local --extra devchain --extra speech --extra stt --extra topups \
		--extra dev \
		--universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --quiet $(LOCK_FLAGS) --output-file requirements.lock

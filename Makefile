# aliquot: every action. `make help` prints the targets; `make V=1` shows the commands.
#
# Each variant builds into its own build/<variant>/; objects mirror the source tree. The first two
# commands anyone needs, `make run` and `make test`, also install the packages they miss.

VERSION = 0.1.0

PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
VARIANT ?= release
B = build/$(VARIANT)

# --- compiler ------------------------------------------------------------------------------------

# Optimising across files makes the hot loop 7 % faster. Fat objects serve the test programs, which link
# without it; clang's are not fat, so it goes without.
LTO = $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
CFLAGS_release = -O3 -g $(LTO)
CFLAGS_debug = -O0 -g
# Every law at every event, and yet thousands of scenarios: fast, and with the slow assertions.
CFLAGS_laws = -O2 -g
CFLAGS_asan = -O1 -g
CFLAGS_purity = -O2
CFLAGS_fuzz = -O1 -g
CFLAGS ?= $(CFLAGS_$(VARIANT))

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
VARIANT_FLAGS_debug = -DALIQUOT_DEBUG
VARIANT_FLAGS_laws = -DALIQUOT_DEBUG
VARIANT_FLAGS_asan = -DALIQUOT_DEBUG $(SANITIZE)
VARIANT_FLAGS_fuzz = -DALIQUOT_DEBUG $(SANITIZE) -fsanitize=fuzzer-no-link
VARIANT_FLAGS = $(VARIANT_FLAGS_$(VARIANT))

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-qual -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wdouble-promotion
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

# -ffp-contract=off: a fused multiply-add would round differently from one machine to the next.
# -fno-math-errno: square roots and roundings become instructions; no result changes.
DIALECT = -std=c11 -D_POSIX_C_SOURCE=200809L -D_XOPEN_SOURCE=700 -ffp-contract=off -fno-math-errno -pthread
INCLUDES = -Isim -DALIQUOT_VERSION='"$(VERSION)"'
COMPILE = $(CC) $(DIALECT) $(INCLUDES) $(WARNINGS) $(CFLAGS) $(VARIANT_FLAGS) $(CPPFLAGS)

# Asked for once, and only by targets that compile: `make help` works without the packages.
PACKAGE_CFLAGS = $(eval PACKAGE_CFLAGS := $(shell pkg-config --cflags gsl jansson))$(PACKAGE_CFLAGS)
LIBS = $(eval LIBS := $(shell pkg-config --libs gsl jansson) -lcsv -lm)$(LIBS)
CHECK_CFLAGS = $(eval CHECK_CFLAGS := $(shell pkg-config --cflags check))$(CHECK_CFLAGS)
CHECK_LIBS = $(eval CHECK_LIBS := $(shell pkg-config --libs check))$(CHECK_LIBS)

ifeq ($(V),1)
Q =
say = @:
else
Q = @
say = @printf '  %-7s %s\n'
endif

# Recursive makes take the cores there are, unless the caller said how many.
SUBMAKE = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

# --- sources -------------------------------------------------------------------------------------

LIB_SOURCES := $(sort $(wildcard sim/*/*.c sim/*/*/*.c))
LIB_OBJECTS = $(LIB_SOURCES:%.c=$(B)/%.o)
LIB = $(B)/libaliquot.a
BINARY_release = build/aliquot
BINARY = $(or $(BINARY_$(VARIANT)),$(B)/aliquot)

# In a test folder test_*.c are programs; its other files, and tests/support/, help each of them.
TEST_FOLDERS = unit contract bogus theory property
programs = $(patsubst %.c,$(B)/%,$(sort $(wildcard $(1:%=tests/%/test_*.c))))
helpers = $(patsubst %.c,$(B)/%.o,$(sort $(filter-out tests/$(1)/test_%.c,$(wildcard tests/$(1)/*.c tests/support/*.c))))
BENCH_OBJECTS = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/bench/*.c tests/support/naive*.c)))
FUZZERS = $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 60
N ?= 500
FIRST ?= 0
SCENARIO ?= chat
RESULT = results/$(basename $(notdir $(SCENARIO)))

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all run test bench debug asan tidy cppcheck shellcheck format format-check check check-layers \
	check-headers check-files check-purity check-checks equal laws same-bytes install uninstall fuzz \
	golden reference compare validation calibrations clean dist help setup setup-ci programs run-tests FORCE

all: $(BINARY) ## build build/aliquot (the default)

# --- everyday ------------------------------------------------------------------------------------

run: setup ## simulate a scenario, print its table and draw its curve (SCENARIO=chat)
	@$(SUBMAKE) all
	@build/aliquot run $(SCENARIO) -o $(RESULT)
	@echo 'picture: $(RESULT)/plots/run.png'

test: setup ## build and run every test; ends with "N passed, N failed"
	@rm -rf build/test
	@$(SUBMAKE) all
	@$(SUBMAKE) VARIANT=release RUN='theory' programs
	@$(SUBMAKE) VARIANT=asan RUN='unit contract bogus property' programs
	@$(SUBMAKE) -O run-tests
	@scripts/sum-tests.sh build/test

debug: ## build build/debug/aliquot (-O0, slow assertions)
	@$(SUBMAKE) VARIANT=debug all
asan: ## build build/asan/aliquot (address and undefined-behaviour sanitizers)
	@$(SUBMAKE) VARIANT=asan all

bench: ## build and run build/bench: the speed table on stderr, JSON on stdout
	@$(SUBMAKE) VARIANT=release build/bench all
	@build/bench

equal: setup ## compare exact stepping and fast-forward on N=500 random scenarios
	@$(SUBMAKE) VARIANT=release build/release/tests/property/test_equal
	@ALIQUOT_EQUAL_SCENARIOS=$(N) CK_DEFAULT_TIMEOUT=0 build/release/tests/property/test_equal

laws: N = 1000
laws: setup ## every law at every event of N=1000 random scenarios of kills, swaps and failures, from FIRST=0 on
	@$(SUBMAKE) VARIANT=laws build/laws/tests/property/test_laws
	@scripts/laws.sh $(FIRST) $(N) $(JOBS)

golden: all ## run the golden cases alone (scripts/test-golden.sh --update rewrites them)
	@scripts/test-golden.sh

reference: all ## make results/reference/ again in build/ and compare
	@scripts/reference.sh

compare: all ## run every bundled scenario and compare with results/reference/summaries
	@scripts/compare.sh

validation: all ## measured rows beside simulated ones: results/reference/validation (needs ../shared)
	@scripts/validation.sh

calibrations: all ## fit models/calibration/ again, ten minutes (needs ../shared)
	@scripts/calibrations.sh

fuzz: ## fuzz every loader for FUZZ_SECONDS=60 altogether (needs clang)
	@$(SUBMAKE) VARIANT=fuzz CC=clang programs-fuzz
	@scripts/fuzz.sh $(FUZZ_SECONDS)

# --- building ------------------------------------------------------------------------------------

ifneq ($(wildcard $(B)),)
-include $(shell find $(B) -name '*.d')
endif

# Written again only when compiler, flags or the list of sources change; everything depends on it.
STAMP = $(COMPILE) $(PACKAGE_CFLAGS) $(LDFLAGS) $(LIB_SOURCES)
$(B)/flags: FORCE
	@scripts/setup.sh --check build
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(STAMP))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(STAMP))' > $@

test_flags = $(if $(filter tests/%,$<),-Itests/support $(CHECK_CFLAGS))

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(COMPILE) $(PACKAGE_CFLAGS) $(test_flags) -MMD -MP -c -o $@ $<

# Made under another name and moved, so that a second make running beside this one reads no half of it.
$(LIB): $(LIB_OBJECTS) $(B)/flags
	$(say) AR $@
	$(Q)rm -f $@.$$PPID && $(AR) rcsD $@.$$PPID $(LIB_OBJECTS) && mv $@.$$PPID $@

$(BINARY): $(B)/sim/main.o $(LIB)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(COMPILE) $(LDFLAGS) -o $@ $(B)/sim/main.o $(LIB_OBJECTS) $(LIBS)

define program_rule
$(B)/tests/$(1)/test_%: $(B)/tests/$(1)/test_%.o $(call helpers,$(1)) $(LIB)
	$$(say) LINK $$@
	$$(Q)$$(COMPILE) -fno-lto $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(LIB) $$(CHECK_LIBS) $$(LIBS)
endef
$(foreach folder,$(TEST_FOLDERS),$(eval $(call program_rule,$(folder))))
.SECONDARY:

programs: $(call programs,$(RUN))

build/bench: $(BENCH_OBJECTS) $(LIB)
	$(say) LINK $@
	$(Q)$(COMPILE) $(LDFLAGS) -o $@ $(BENCH_OBJECTS) $(LIB_OBJECTS) $(LIBS)

.PHONY: programs-fuzz
programs-fuzz: $(FUZZERS)
FUZZ_HELPERS = $(patsubst %.c,$(B)/%.o,$(sort $(filter-out tests/fuzz/fuzz_%.c,$(wildcard tests/fuzz/*.c))))
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_HELPERS) $(LIB)
	$(say) LINK $@
	$(Q)$(COMPILE) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

# --- running the tests: each leaves build/test/<name>.log and .count, sum-tests.sh adds them up ----

ASAN_RUNS = $(sort $(patsubst tests/%.c,run/%,$(foreach f,unit contract bogus property,$(wildcard tests/$(f)/test_*.c))))
RELEASE_RUNS = $(sort $(patsubst tests/%.c,run/%,$(wildcard tests/theory/test_*.c)))
SCRIPT_RUNS = $(sort $(patsubst scripts/test-%.sh,run/%,$(wildcard scripts/test-*.sh)))
.PHONY: $(ASAN_RUNS) $(RELEASE_RUNS) $(SCRIPT_RUNS)

run-tests: $(ASAN_RUNS) $(RELEASE_RUNS) $(SCRIPT_RUNS)
$(ASAN_RUNS): run/%:
	@scripts/run-test.sh $* build/asan/tests/$*
$(RELEASE_RUNS): run/%:
	@scripts/run-test.sh $* build/release/tests/$*
$(SCRIPT_RUNS): run/%:
	@scripts/run-test.sh $* scripts/test-$*.sh

# --- checks --------------------------------------------------------------------------------------

C_FILES = $(sort $(shell find sim tests -name '*.[ch]'))
LIB_FILES = $(LIB_SOURCES) $(wildcard sim/main.c)
POLICY_OBJECTS = $(patsubst %.c,build/purity/%.o,$(sort $(wildcard sim/policy/*/*.c) sim/policy/compute_share.c sim/policy/placement.c sim/policy/fragment.c sim/policy/window.c))

check: ## everything the continuous integration runs
	@.ci/run

check-layers: ## includes go down the layers only; no cycle between headers
	@scripts/check-layers.sh
check-headers: ## every header compiles alone
	@CC='$(CC)' CFLAGS='$(DIALECT) $(WARNINGS) -Werror' scripts/check-headers.sh
check-files: ## include guards, sizes and opening comments of all sources
	@scripts/check-files.sh
check-purity: ## policies call readers only and keep no static data
	@$(SUBMAKE) VARIANT=purity $(POLICY_OBJECTS)
	@scripts/check-purity.sh $(POLICY_OBJECTS)
check-checks: all ## plant violations and see each check fail
	@scripts/test-checks.sh
same-bytes: setup ## gcc and clang, -O0 and -O2, give the same bytes
	@scripts/same-bytes.sh

# How many states the analyzer looks at in a function before it gives up: its own default. CI asks for
# a third of them, in half the time.
tidy: TIDY_STATES = 225000
tidy: ## clang-tidy over sim/, TIDY_STATES deep
	@printf '%s\n' $(LIB_FILES) | xargs -n 1 -P $(JOBS) sh -c \
		'clang-tidy --quiet "$$0" -- $(DIALECT) -Isim -DALIQUOT_VERSION=\"0\" \
		-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_STATES) 2>/dev/null'
cppcheck: ## cppcheck over sim/
	@cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c11 \
		--inline-suppr --suppress=missingIncludeSystem -j $(JOBS) -Isim \
		-DALIQUOT_VERSION='"0"' $(LIB_FILES)
shellcheck: ## shellcheck over all scripts
	@shellcheck -x scripts/*.sh .ci/run
format: ## let clang-format lay out every source
	@clang-format -i $(C_FILES)
format-check: ## fail where clang-format would change something
	@clang-format --dry-run -Werror $(C_FILES)

# --- installing ----------------------------------------------------------------------------------

SHARE = $(DESTDIR)$(PREFIX)/share/aliquot
install: all ## install the program and its data under PREFIX (DESTDIR respected)
	@install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)
	@install -m 755 build/aliquot $(DESTDIR)$(PREFIX)/bin/aliquot
	@find models scenarios -type f | sort | while read -r f; do \
		install -D -m 644 "$$f" "$(SHARE)/$$f"; done
uninstall: ## remove what install put there
	@rm -f $(DESTDIR)$(PREFIX)/bin/aliquot
	@rm -rf $(SHARE)

dist: ## pack the committed tree as build/aliquot-VERSION.tar.gz
	@mkdir -p build
	@git archive --format=tar --prefix=aliquot-$(VERSION)/ HEAD | gzip -n > build/aliquot-$(VERSION).tar.gz
	@echo build/aliquot-$(VERSION).tar.gz

setup:
	@scripts/setup.sh build test
setup-ci:
	@scripts/setup.sh build test ci

clean: ## remove everything that was built
	@rm -rf build

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

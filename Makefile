# socle: `make` builds, `make demo` shows, `make test` proves. See README.md.
#   BUILD=dir       where everything built goes (default: build)
#   SANITIZE=address|thread   a build with that sanitizer (address brings undefined) in a folder of its own
#   CUDA, ranks and other heavy parts are not built here.
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
BUILD ?= build$(if $(SANITIZE),-$(SANITIZE))
PREFIX ?= /usr/local
VERSION := 0.1.0

PACKAGES := libsimdjson-dev libyaml-dev libxml2-dev libzstd-dev zlib1g-dev libxxhash-dev libcld2-dev libmicrohttpd-dev libpcre2-dev
TEST_PACKAGES := libcmocka-dev curl zstd
DEMO_PACKAGES := curl
CHECK_PACKAGES := clang-format clang-tidy cppcheck
FUZZ_PACKAGES := clang libclang-rt-14-dev

comma := ,
SANITIZER_FLAGS := $(if $(filter address,$(SANITIZE)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined)$(if $(filter thread,$(SANITIZE)),-fsanitize=thread)
OPTIMIZE := $(if $(SANITIZE),-O1 -DSOCLE_SANITIZE,-O3)
WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wwrite-strings -Wno-unused-parameter -Wno-sign-compare
COMMON := $(OPTIMIZE) -g -fPIC -fno-math-errno -fno-trapping-math -fno-omit-frame-pointer -fvisibility=hidden \
          -D_GNU_SOURCE -DSOCLE_VERSION='"$(VERSION)"' -Isrc -Iinclude -isystem /usr/include/libxml2 $(WARNINGS) $(SANITIZER_FLAGS) -MMD -MP
CFLAGS_ALL := -std=gnu17 $(COMMON) -Wstrict-prototypes -Wmissing-prototypes $(CFLAGS)
CXXFLAGS_ALL := -std=c++17 $(COMMON) $(CXXFLAGS)
LIBS := -lsimdjson -lyaml -lxml2 -lzstd -lz -lxxhash -Wl,--push-state,--no-as-needed -lcld2_full -Wl,--pop-state -lcld2 -lmicrohttpd -lpcre2-8 -lstdc++ -lm -lpthread

LIB_C := $(filter-out src/cli/%,$(wildcard src/*/*.c src/*/*/*.c))
LIB_CC := $(wildcard src/*/*.cc)
CLI_C := $(wildcard src/cli/*.c)
LIB_O := $(LIB_C:src/%.c=$(BUILD)/obj/%.o) $(LIB_CC:src/%.cc=$(BUILD)/obj/%.o)
CLI_O := $(CLI_C:src/%.c=$(BUILD)/obj/%.o)
# tensor/ to model/ once more, with real = double on the plain kernels, for the gradient tests
DOUBLE_ROOMS := base tensor ops graph model
DOUBLE_O := $(patsubst $(BUILD)/obj/%,$(BUILD)/double/%,$(filter $(DOUBLE_ROOMS:%=$(BUILD)/obj/%/%.o),$(LIB_O)))

# tests/ROOM/NAME_test.c; the ones called NAME_gradient_test.c are linked to the build in which real is double
TEST_C := $(wildcard tests/*/*_test.c)
GRADIENT_TEST_C := $(filter %_gradient_test.c,$(TEST_C))
FUZZ_C := $(wildcard tests/fuzz/*_fuzz.c)
TESTS := $(TEST_C:tests/%.c=$(BUILD)/tests/%) $(FUZZ_C:tests/%.c=$(BUILD)/tests/%_replay)
TEST_SUPPORT := $(wildcard tests/support/*.c)

.PHONY: all packages test-packages check-packages test check demo bench fuzz print-libs install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: packages
	@$(MAKE) --no-print-directory $(BUILD)/socle $(BUILD)/libsocle.so $(BUILD)/example

packages:
	@scripts/install-packages "to build socle" gcc g++ $(PACKAGES)
test-packages:
	@scripts/install-packages "to test socle" gcc g++ $(PACKAGES) $(TEST_PACKAGES)
check-packages:
	@scripts/install-packages "to check socle's source" gcc g++ $(PACKAGES) $(CHECK_PACKAGES)

$(BUILD)/socle: $(CLI_O) $(BUILD)/libsocle.a
	$(CXX) $(SANITIZER_FLAGS) -o $@ $(CLI_O) $(BUILD)/libsocle.a $(LIBS)
$(BUILD)/libsocle.a: $(LIB_O)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/libsocle.so: $(LIB_O)
	$(CXX) $(SANITIZER_FLAGS) -shared -Wl,-soname,libsocle.so.0 -o $@ $^ $(LIBS)
$(BUILD)/libsocle-double.a: $(DOUBLE_O)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/example: docs/example.c $(BUILD)/libsocle.a
	$(CC) $(CFLAGS_ALL) -o $@ $< $(BUILD)/libsocle.a $(LIBS)

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c -o $@ $<
$(BUILD)/obj/%.o: src/%.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS_ALL) -c -o $@ $<
$(BUILD)/double/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -DSOCLE_DOUBLE -c -o $@ $<
$(BUILD)/double/%.o: src/%.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS_ALL) -DSOCLE_DOUBLE -c -o $@ $<

$(BUILD)/tests/%_gradient_test: tests/%_gradient_test.c $(TEST_SUPPORT) $(BUILD)/libsocle-double.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -DSOCLE_DOUBLE -Itests -o $@ $< $(TEST_SUPPORT) $(BUILD)/libsocle-double.a $(LIBS) -lcmocka
$(BUILD)/tests/%_test: tests/%_test.c $(TEST_SUPPORT) $(BUILD)/libsocle.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Itests -o $@ $< $(TEST_SUPPORT) $(BUILD)/libsocle.a $(LIBS) -lcmocka
# A fuzz target replays its corpus in the normal suite; `make fuzz` runs it under libFuzzer.
$(BUILD)/tests/%_fuzz_replay: tests/%_fuzz.c tests/fuzz/replay_main.c $(BUILD)/libsocle.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-missing-prototypes -Itests -o $@ $^ $(LIBS)

test: test-packages
	@$(MAKE) --no-print-directory -j$$(nproc) $(BUILD)/socle $(BUILD)/libsocle.so $(BUILD)/example $(TESTS)
	@BUILD=$(BUILD) scripts/run-tests $(TESTS)
check: check-packages
	@BUILD=$(BUILD) scripts/check
demo: packages
	@scripts/install-packages "to ask the demo's server" $(DEMO_PACKAGES)
	@$(MAKE) --no-print-directory -j$$(nproc) $(BUILD)/socle
	@BUILD=$(BUILD) scripts/demo/run
bench: all
	@bench/run
fuzz: packages
	@scripts/install-packages "to fuzz socle" $(FUZZ_PACKAGES)
	@scripts/fuzz $(FUZZ_SECONDS)
print-libs:
	@echo $(LIBS)

install: all
	install -D -m 755 $(BUILD)/socle $(DESTDIR)$(PREFIX)/bin/socle
	install -D -m 644 include/socle/socle.h $(DESTDIR)$(PREFIX)/include/socle/socle.h
	install -D -m 644 $(BUILD)/libsocle.a $(DESTDIR)$(PREFIX)/lib/libsocle.a
	install -D -m 755 $(BUILD)/libsocle.so $(DESTDIR)$(PREFIX)/lib/libsocle.so.0
	ln -sf libsocle.so.0 $(DESTDIR)$(PREFIX)/lib/libsocle.so
clean:
	rm -rf build build-address build-thread build-fuzz

-include $(LIB_O:.o=.d) $(CLI_O:.o=.d) $(DOUBLE_O:.o=.d) $(TESTS:=.d)

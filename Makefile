# license-proxy. The targets a person calls; how things are compiled and linked is in
# tools/build/build.mk, and what must be installed or fetched first is in tools/setup.
#
#   make            build/license-proxy, the one static executable
#   make demo       a licence server, the proxy, an outage and its end, as a transcript
#   make check      every test, with the release build and with the sanitizers
#   make smoke ARCH=A   the main job's tests with the program for another machine, emulated
#   make smoke-kernel ARCH=A   the same and the sandbox's on a kernel for that machine, emulated too
#                   (aarch64 or armhf; a quarter of an hour)
#   make lint       formatting, static analysis, shell scripts, order of includes
#   make bench      figures of the README, beside nginx, HAProxy and Caddy; not part of the tests.
#                   BENCH_SECONDS=1 BENCH_REPEATS=1 for a first look
#   make scan       what testssl.sh finds on the licensing port, in minutes; sslscan is in check
#   make coverage   which lines of src/ the tests run: per file, and build/cov/uncovered.txt
#   make image      build/license-proxy-image.tar, loadable by docker, podman and skopeo
#   make image-check  builds Dockerfile.scratch with buildah, and tests that image and the other
#   make release    build/dist: the programs (this machine's, and those of ARCHES="aarch64 ..."),
#                   bills of materials, man page, licences, SHA256SUMS; DIST=DIR puts it elsewhere.
#                   tools/verify DIR holds a release against this clone
#   make install    the executable to $(DESTDIR)$(PREFIX)/bin, its man page to share/man/man1,
#                   systemd's units to lib/systemd/system
#   make clean      removes what was built; make distclean what was fetched, too
#
#   make fuzz       runs every fuzz target in turn, for FUZZ_SECONDS=3600 in all; make check for 60
#
#   make units      builds the unit tests; make server the development licence server; make fuzzers
#                   the fuzz targets (build/fuzz/NAME, libFuzzer's options)
#
#   ARCH=A          builds for another machine into build/A: aarch64, armhf, i386 or riscv64
#   SAN=1           the same with AddressSanitizer and UBSan (glibc), into build/san
#   BEARSSL=DIR     takes BearSSL's source from DIR as it stands; nothing is fetched
#   CURVES=bearssl  BearSSL's arithmetic of P-256 and Curve25519, also on 64-bit machines
#   V=1             shows the commands

PREFIX ?= /usr/local
# This very machine needs no cross compiler.
ifeq ($(ARCH),$(shell uname -m))
override ARCH :=
endif
export BEARSSL SOURCE_DATE_EPOCH ARCH

# One build at a time in this tree; parallel inside unless -j was given.
BUILD = mkdir -p build && flock build/.lock $(MAKE) --no-print-directory -f tools/build/build.mk \
	$(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

all:
	@tools/setup build $(if $(ARCH),cross)
	+@$(BUILD) program

units server:
	@tools/setup build $(if $(ARCH),cross)
	+@$(BUILD) $@

fuzzers:
	@tools/setup build fuzz
	+@$(BUILD) FUZZ=1 fuzz

fuzz: fuzzers
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-3600} prove -v tests/fuzz/brief.t

# Any single product, such as build/release/unit/json.
build/%: FORCE
	@tools/setup build
	+@$(BUILD) $(if $(filter build/san/%,$@),SAN=1) $@

demo:
	@tools/setup build demo
	+@$(BUILD) program server
	@tools/demo

check:
	@tools/setup build check emulate fuzz
	@ARCH=aarch64 tools/setup cross
	+@$(BUILD) program server units
	+@$(BUILD) SAN=1 program server units
	+@$(BUILD) FUZZ=1 fuzz
	+@$(BUILD) ARCH=aarch64 program
	@tests/run

# The program for another machine, under an emulator; i386's runs on x86-64's kernel, too.
smoke: all
	@tools/setup check emulate
	+@$(BUILD) ARCH= server
	+@$(if $(filter i386,$(ARCH)),$(BUILD) build/i386/unit/sandbox)
	@tests/run smoke-$(or $(ARCH),$(error say which: make smoke ARCH=...))

# The same with a kernel for it, which has what qemu-user lacks: seccomp and Landlock.
smoke-kernel: all server
	@tools/setup kernel
	+@$(BUILD) build/$(ARCH)/unit/sandbox
	@tests/run kernel-$(or $(ARCH),$(error say which: make smoke-kernel ARCH=...))

bench:
	@tools/setup build bench
	+@$(BUILD) program server
	@tests/bench/servers.py
	@tests/bench/state
	@tests/bench/curves

scan: all server
	@tools/setup check scan
	@tests/peer/testssl

coverage:
	@tools/setup build check coverage
	+@$(BUILD) program server
	+@$(BUILD) COV=1 program server units
	@tests/coverage

lint:
	@tools/setup build lint
	+@$(BUILD) program
	@tools/lint/run

image: all
	@tools/image build/license-proxy build/license-proxy-image.tar

image-check: all server
	@tools/setup build check image
	@tests/image

ARCHES ?= aarch64
DIST ?= build/dist
OTHERS := $(filter-out $(shell uname -m),$(ARCHES))
release: override ARCH :=
release: override SAN :=
release:
	@tools/setup build
	+@$(BUILD) program build/license-proxy.1
	+@for arch in $(OTHERS); do \
		ARCH=$$arch tools/setup cross && $(BUILD) ARCH=$$arch program || exit 1; done
	@tools/release $(DIST) $(OTHERS)

# The page is made by this machine's own program.
install: all
	+@$(BUILD) ARCH= SAN= build/license-proxy.1
	install -D -m 0755 $(if $(ARCH),build/$(ARCH),build)/license-proxy $(DESTDIR)$(PREFIX)/bin/license-proxy
	install -D -m 0644 build/license-proxy.1 $(DESTDIR)$(PREFIX)/share/man/man1/license-proxy.1
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system \
		tools/deploy/systemd/*.service tools/deploy/systemd/*.socket
	sed -i 's|=/usr/local/|=$(PREFIX)/|' $(DESTDIR)$(PREFIX)/lib/systemd/system/license-proxy.service

clean:
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name fetched ! -name peers ! -name ".*lock" -exec rm -rf {} +; fi

distclean:
	@rm -rf build

FORCE:
.PHONY: all units server fuzz fuzzers demo check smoke smoke-kernel bench scan coverage lint image image-check release install clean distclean FORCE

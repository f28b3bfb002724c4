# How the program, the unit tests and the tools are compiled and linked. Called by the Makefile
# once tools/setup has run, so everything looked up on the machine here is in place.
#
# These variants are built from the same sources:
#   release   musl, static-pie, hardened, stripped    build/license-proxy, build/release/
#   san       glibc, AddressSanitizer and UBSan       build/san/license-proxy, build/san/
#   cov       glibc, counts the lines that run      build/cov/license-proxy, build/cov/
#   fuzz      glibc, clang, the same and libFuzzer       build/fuzz/ (fuzz targets alone)
#   ARCH      release for another machine: aarch64, armhf, i386 or riscv64, by Debian's
#             cross compiler and its musl    build/ARCH/license-proxy, build/ARCH/

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:

# GNU's and musl's names of the machine.
GNU_aarch64 := aarch64-linux-gnu
GNU_armhf := arm-linux-gnueabihf
GNU_i386 := i686-linux-gnu
GNU_riscv64 := riscv64-linux-gnu
MUSL_aarch64 := aarch64-linux-musl
MUSL_armhf := arm-linux-musleabihf
MUSL_i386 := i386-linux-musl
MUSL_riscv64 := riscv64-linux-musl

comma := ,
CC := $(if $(FUZZ),clang,$(if $(ARCH),$(GNU_$(ARCH))-gcc,gcc))
AR := ar
Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' '$(1)' '$(2)'

VARIANT := $(if $(FUZZ),fuzz,$(if $(SAN),san,$(if $(COV),cov,$(or $(ARCH),release))))
OUT := build/$(VARIANT)
BIN := $(if $(SAN)$(COV)$(ARCH),$(OUT),build)
GEN := build/gen

# ---- flags ---------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wconversion -Wshadow -Werror
BEARSSL_DIR := $(if $(BEARSSL),$(BEARSSL),build/bearssl)
LANGUAGE := -std=gnu11 -D_GNU_SOURCE
# The same bytes whatever folder the tree is built in.
MAP := -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(BEARSSL_DIR)=bearssl

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

ifeq ($(VARIANT),fuzz)

CODEGEN := -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(SANITIZE)
LINK = $(CC) -g -fsanitize=fuzzer $(SANITIZE) -o $@.new $(1) && mv $@.new $@

else ifeq ($(VARIANT),san)

# LP_FAULTS: system calls that fail when the environment says so, for tests.
CODEGEN := -g -O1 -fno-omit-frame-pointer $(SANITIZE) -DLP_FAULTS
# BearSSL takes liberties that UBSan reports; its buffers are watched all the same.
BEARSSL_CODEGEN := -g -O1 -fno-omit-frame-pointer -fsanitize=address
LINK = $(CC) $(CODEGEN) $(WRAP) -o $@.new $(1) && mv $@.new $@
# Allocations that fail when a test says so, in the program alone.
FAULTS := $(OUT)/obj/tools/build/faults.o

else ifeq ($(VARIANT),cov)

# The counts are files, written when a process ends: so also at _exit, and by helpers whose lists of
# system calls must let them. Each write of a count adds to what is there.
CODEGEN := -g -O0 --coverage -Wno-maybe-uninitialized -DLP_FAULTS -DSANDBOX_WIDE
START := $(OUT)/obj/tools/build/count.o
LINK = $(CC) --coverage -Wl,--wrap=_exit -o $@.new $(1) && mv $@.new $@

else

# Debian's musl-gcc can't make a true static-pie (its -static-pie is a dynamic PIE), plain gcc
# with musl's headers, start files and library can.
CPU := $(shell $(CC) -dumpmachine | cut -d- -f1)
MUSL_NAME := $(or $(MUSL_$(ARCH)),$(CPU)-linux-musl)
MUSL_ROOT := $(if $(ARCH),build/fetched/musl-$(ARCH))
MUSL := $(MUSL_ROOT)/usr/lib/$(MUSL_NAME)
GCCDIR := $(dir $(shell $(CC) -print-libgcc-file-name))
HARDEN := -fPIE -fstack-protector-strong -ftrivial-auto-var-init=zero
# Not every machine has these; the x86-64 build is tested for its own.
HARDEN += $(if $(filter arm,$(CPU)),,-fstack-clash-protection)
HARDEN += $(if $(filter x86_64 i686,$(CPU)),-fcf-protection=full)
HARDEN += $(if $(filter aarch64,$(CPU)),-mbranch-protection=standard)
# These save a kilobyte or two together.
SMALLER := -fno-jump-tables -fno-shrink-wrap -fipa-pta -fno-ipa-sra -fno-caller-saves
SMALLER += -fno-cse-follow-jumps -fno-tree-dominator-opts
SMALLER += $(if $(filter x86_64 i686,$(CPU)),-malign-data=abi)
# Nothing here unwinds the stack. Small code for what waits on the network all day, fast code for
# the cryptography; link-time optimisation was tried: 4 kB less, and slow links.
CODEGEN := -Oz $(HARDEN) -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fno-unwind-tables \
	-nostdinc -isystem $(MUSL_ROOT)/usr/include/$(MUSL_NAME) -isystem $(GCCDIR)include
# What sees keys leaves nothing of them in registers.
WIPE := $(if $(filter arm riscv64,$(CPU)),,-fzero-call-used-regs=used-gpr)
WIPING := base crypto tls trust
BEARSSL_CODEGEN := $(CODEGEN) $(WIPE) -O2
# Words that are made one by one are no faster for being stored as vectors.
CRYPTO_CODEGEN := -O2 -fno-tree-slp-vectorize
# Formulas of points have many variables, each set by a product or sum: zeros in them before that
# cost a tenth of the time.
POINTS_CODEGEN := -ftrivial-auto-var-init=uninitialized
HOT_CODEGEN := -O2
# Of BearSSL what moves bytes, reads formats, or calls the loops of others is no faster for being
# large.
BEARSSL_SMALL := -Oz
BEARSSL_LOOPS := hash/sha% int/% symcipher/chacha% symcipher/poly% ec/ec_p256_m31 ec/ec_c25519_m31
LINK = $(CC) -nostdlib -static-pie -Wl,--no-dynamic-linker $(STRIP) -o $@.new \
	$(MUSL)/rcrt1.o $(MUSL)/crti.o $(GCCDIR)crtbeginS.o $(1) \
	-L$(MUSL) -L$(GCCDIR) -Wl,--start-group -lc -lgcc -lgcc_eh -Wl,--end-group \
	$(GCCDIR)crtendS.o $(MUSL)/crtn.o -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
	-Wl,--wrap=__libc_start_main $(PACK) -Wl,-T,tools/build/constants.ld \
	&& mv $@.new $@
# Other machines' linkers of 2023 don't know it.
PACK := $(if $(filter x86_64 i686,$(CPU)),-Wl$(comma)-z$(comma)pack-relative-relocs)
# Goes into each executable.
START := $(OUT)/obj/tools/build/relocate.o
# Go into those that are shipped; tests may print what they like.
SHIPPED := $(OUT)/obj/tools/build/printf.o $(OUT)/obj/tools/build/libc.o

endif

CFLAGS := $(LANGUAGE) $(WARN) $(CODEGEN) $(SMALLER) $(if $(COV),,$(MAP)) -Isrc -isystem $(BEARSSL_DIR)/inc
# CURVES=bearssl: for comparison, and for who trusts BearSSL's arithmetic more.
CFLAGS += $(if $(filter bearssl,$(CURVES)),-DCURVES_OF_BEARSSL)

# ---- sources -------------------------------------------------------------------------------

SRC := $(sort $(wildcard src/*/*.c))
OBJ := $(SRC:src/%.c=$(OUT)/obj/%.o)
MAIN := $(OUT)/obj/cli/main.o
LIB := $(OUT)/libproxy.a
LIBOBJ := $(filter-out $(MAIN),$(OBJ)) $(OUT)/obj/gen/page_data.o $(OUT)/obj/gen/curves_data.o
ifneq ($(wildcard tools/roots.c),)
LIBOBJ += $(OUT)/obj/gen/roots_data.o
endif
UNITS := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(sort $(wildcard tests/unit/*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(OUT)/%,$(sort $(wildcard tests/fuzz/*.c)))

BEARSSL_SRC := $(sort $(wildcard $(BEARSSL_DIR)/src/*.c $(BEARSSL_DIR)/src/*/*.c))
BEARSSL_OBJ := $(BEARSSL_SRC:$(BEARSSL_DIR)/src/%.c=$(OUT)/bearssl/%.o)
# What is fuzzed and counted is the code here, so those variants take the release's BearSSL.
BEARSSL_LIB := $(if $(FUZZ)$(COV),build/release,$(OUT))/libbearssl.a
ifeq ($(BEARSSL_SRC),)
$(error no BearSSL source in $(BEARSSL_DIR): run tools/setup build, or give BEARSSL=DIR)
endif

.PHONY: program units server fuzz bearssl
program: $(BIN)/license-proxy ; @:
units: $(UNITS) ; @:
fuzz: $(FUZZERS) ; @:
bearssl: $(BEARSSL_LIB) ; @:
server: $(BIN)/license-server ; @:

# ---- the program ---------------------------------------------------------------------------

# Flags are kept in a file that changes only with them, so that new flags rebuild everything
# and an edited rule nothing.
define same_or_new
@mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@
endef

$(OUT)/flags: FORCE
	$(call same_or_new,$(CC) $(CFLAGS) $(CRYPTO_CODEGEN) $(POINTS_CODEGEN) $(HOT_CODEGEN) $(HOT) $(WIPE) $(WIPING))
$(OUT)/bearssl.flags: FORCE
	$(call same_or_new,$(CC) $(BEARSSL_CODEGEN) $(BEARSSL_SMALL) $(BEARSSL_LOOPS) $(BEARSSL_DIR))

$(OUT)/obj/%.o: src/%.c $(OUT)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(if $(filter $(WIPING:%=src/%/%),$<),$(WIPE)) $(EXTRA) -MMD -MP -c -o $@ $<

# Loops of arithmetic are worth their size.
$(OUT)/obj/crypto/fe%.o $(OUT)/obj/crypto/word.o: EXTRA := $(CRYPTO_CODEGEN)
$(OUT)/obj/crypto/p256.o $(OUT)/obj/crypto/c25519.o: EXTRA := $(POINTS_CODEGEN)
$(OUT)/obj/crypto/gcm.o: EXTRA := $(CRYPTO_CODEGEN) $(POINTS_CODEGEN)

# So is what every request passes through.
HOT := base/buf base/slice base/heap base/pool format/http_parse format/http_emit \
	format/http_frame net/loop net/stream tls/engine
$(HOT:%=$(OUT)/obj/%.o): EXTRA := $(HOT_CODEGEN)

# The two files that name the version, and no other, see the generated header.
VERSIONED := $(OUT)/obj/cli/version.o $(OUT)/obj/base/clock.o
$(VERSIONED): EXTRA := -include $(GEN)/version.h
$(VERSIONED): $(GEN)/version.h

$(LIB): $(LIBOBJ)
	@rm -f $@
	$(Q)$(AR) rcsD $@ $^

$(BIN)/license-proxy: STRIP := -s
$(BIN)/license-proxy: WRAP := $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc reallocarray strdup)
$(BIN)/license-proxy: $(FAULTS) $(START) $(SHIPPED) $(MAIN) $(LIB) $(BEARSSL_LIB)
	$(call say,LINK,$@)
	$(Q)$(call LINK,$^)

$(OUT)/obj/tools/%.o: tools/%.c $(OUT)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BIN)/license-server: $(START) $(SHIPPED) $(OUT)/obj/tools/license-server.o $(LIB) $(BEARSSL_LIB)
	$(call say,LINK,$@)
	$(Q)$(call LINK,$^)

build/license-proxy.1: build/license-proxy tools/man
	$(call say,GEN,$@)
	$(Q)tools/man build/license-proxy >$@.new && mv $@.new $@

# ---- what is generated: the version, the compiled-in trust anchors, the page's parts --------

.PHONY: generated
GENERATED := $(GEN)/version.h $(GEN)/page_data.c $(GEN)/curves_data.c
GENERATED += $(if $(wildcard tools/roots.c),$(GEN)/roots_data.c)
ROOTS_PEM := $(sort $(wildcard /usr/share/ca-certificates/mozilla/*.crt))
ROOTS_OBJ := $(OUT)/obj/tools/roots.o \
	$(filter $(OUT)/obj/base/%.o $(OUT)/obj/format/%.o $(OUT)/obj/tls/pem%.o \
	$(OUT)/obj/tls/x509.o $(OUT)/obj/tls/refusal.o $(OUT)/obj/crypto/%.o,$(OBJ)) $(OUT)/obj/gen/curves_data.o
CURVES_OBJ := $(OUT)/obj/tools/curves.o $(OUT)/obj/base/secret.o \
	$(patsubst %,$(OUT)/obj/crypto/%.o,word inverse fe256 fe25519)

ifneq ($(VARIANT),release)
# The release build's make does it, once for all.
$(GENERATED) $(if $(FUZZ)$(COV),$(BEARSSL_LIB)): generated ; @:
generated: ; +@$(MAKE) -f tools/build/build.mk SAN= FUZZ= COV= ARCH= generated $(if $(FUZZ)$(COV),bearssl)
else
generated: $(GENERATED) ; @:

$(GEN)/version.h: FORCE
	@mkdir -p $(@D)
	@tools/build/version "$(BEARSSL)" >$@.tmp
	@if cmp -s $@.tmp $@; then rm -f $@.tmp; else mv $@.tmp $@; fi

$(GEN)/page_data.c: tools/build/embed src/status/page.css src/status/page.js
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)tools/build/embed status/page.h $(wordlist 2,3,$^) >$@.tmp && mv $@.tmp $@

$(OUT)/roots: $(START) $(ROOTS_OBJ) $(BEARSSL_LIB)
	$(Q)$(call LINK,$^)

$(OUT)/curves: $(START) $(CURVES_OBJ) $(BEARSSL_LIB)
	$(Q)$(call LINK,$^)

$(GEN)/curves_data.c: tools/curves.c src/crypto/p256.h src/crypto/c25519.h | $(OUT)/curves
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(OUT)/curves >$@.tmp && mv $@.tmp $@

# Not for each relinking of the tool, which follows every new build date.
$(GEN)/roots_data.c: tools/roots.c src/tls/roots.h src/tls/pem.c src/tls/pem_text.c src/tls/x509.c $(ROOTS_PEM) | $(OUT)/roots
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(OUT)/roots $(ROOTS_PEM) >$@.tmp && mv $@.tmp $@
endif

$(OUT)/obj/gen/%.o: $(GEN)/%.c $(OUT)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- unit tests ----------------------------------------------------------------------------

$(OUT)/obj/unit/%.o: tests/unit/%.c $(OUT)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/unit/%: $(START) $(OUT)/obj/unit/%.o $(LIB) $(BEARSSL_LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(call LINK,$^)

# ---- fuzz targets --------------------------------------------------------------------------

ifeq ($(VARIANT),fuzz)
$(OUT)/obj/fuzz/%.o: tests/fuzz/%.c $(OUT)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZERS): $(OUT)/%: $(OUT)/obj/fuzz/%.o $(LIB) $(BEARSSL_LIB)
	$(call say,LINK,$@)
	$(Q)$(call LINK,$^)
endif

.SECONDARY:

# ---- BearSSL -------------------------------------------------------------------------------

$(OUT)/bearssl/%.o: $(BEARSSL_DIR)/src/%.c $(OUT)/bearssl.flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(BEARSSL_CODEGEN) $(if $(filter $(BEARSSL_LOOPS),$*),,$(BEARSSL_SMALL)) $(MAP) -w -I$(BEARSSL_DIR)/inc -I$(BEARSSL_DIR)/src -c -o $@ $<

# This file is not as it came: see the two.
CHANGE := tools/build/bearssl_server
$(OUT)/bearssl/ssl/ssl_hs_server.o: $(BEARSSL_DIR)/src/ssl/ssl_hs_server.c $(CHANGE).h $(CHANGE).sed \
		src/base/limits.h $(OUT)/bearssl.flags
	@mkdir -p $(@D)
	$(Q)sed -f $(CHANGE).sed $< | $(CC) $(BEARSSL_CODEGEN) $(MAP) -w \
		-include $(CHANGE).h -I$(BEARSSL_DIR)/inc -I$(BEARSSL_DIR)/src -x c -c -o $@ -

ifeq ($(FUZZ)$(COV),)
$(BEARSSL_LIB): $(BEARSSL_OBJ)
	$(call say,AR,$@ ($(words $^) objects))
	@rm -f $@
	$(Q)$(AR) rcsD $@ $^
endif

FORCE:
.PHONY: FORCE

-include $(OBJ:.o=.d) $(wildcard $(OUT)/obj/tools/*.d $(OUT)/obj/unit/*.d $(OUT)/obj/fuzz/*.d)

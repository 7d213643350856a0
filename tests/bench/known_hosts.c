/*
 * How long 100,000 lines of known_hosts take to load, how much memory they hold then, and what a
 * question costs at worst. Fails where the figures that we promise are not met.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "wire/known_hosts.h"

#define LINES       100000
#define LOAD_NS_MAX 1000000000
#define BYTES_MAX   (32 * 1024 * 1024)

enum kind { PLAIN_ED25519, HASHED_ED25519, HASHED_ONE_KEY, PLAIN_RSA4096, N_KINDS };

static const char *const titles[N_KINDS] = {"names, Ed25519", "hashed, Ed25519",
                                            "hashed, all one key", "names, RSA 4096"};

static void put_base64(struct buffer *text, struct bytes raw) {
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < raw.len; at += 3) {
		uint32_t bits = (uint32_t)raw.data[at] << 16;

		if (at + 1 < raw.len)
			bits |= (uint32_t)raw.data[at + 1] << 8;
		if (at + 2 < raw.len)
			bits |= raw.data[at + 2];
		for (size_t i = 0; i < 4; i++)
			buffer_put_u8(text, at + i > raw.len
			                            ? '='
			                            : (uint8_t)digits[bits >> (18 - 6 * i) & 63]);
	}
}

static void put_key(struct buffer *blob, enum kind kind, uint32_t number) {
	uint8_t filler[512];

	memset(filler, 0x55, sizeof(filler));
	memcpy(filler + 8, &number, sizeof(number));
	if (kind == PLAIN_RSA4096) {
		buffer_put_string(blob, bytes_of_text("ssh-rsa"));
		buffer_put_string(blob, bytes_of_text("\x01\x01\x01"));
		buffer_put_string(blob, (struct bytes){filler, 512});
	} else {
		buffer_put_string(blob, bytes_of_text("ssh-ed25519"));
		buffer_put_string(blob, (struct bytes){filler, 32});
	}
}

static void put_names(struct buffer *text, enum kind kind, uint32_t number) {
	uint8_t hash[20];
	char names[64];

	if (kind == HASHED_ED25519 || kind == HASHED_ONE_KEY) {
		memset(hash, 0x33, sizeof(hash));
		memcpy(hash, &number, sizeof(number));
		buffer_put_raw(text, bytes_of_text("|1|"));
		put_base64(text, BYTES(hash));
		buffer_put_raw(text, bytes_of_text("|"));
		put_base64(text, BYTES(hash));
		return;
	}
	snprintf(names, sizeof(names), "node-%u.cluster.example.com,10.%u.%u.%u", number,
	         number >> 16 & 255, number >> 8 & 255, number & 255);
	buffer_put_raw(text, bytes_of_text(names));
}

static void put_line(struct buffer *text, enum kind kind, uint32_t number) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};

	put_key(&blob, kind, kind == HASHED_ONE_KEY ? 0 : number);
	put_names(text, kind, number);
	buffer_put_raw(text, bytes_of_text(kind == PLAIN_RSA4096 ? " ssh-rsa " : " ssh-ed25519 "));
	put_base64(text, buffer_bytes(&blob));
	buffer_put_u8(text, '\n');
}

static void put_text(struct buffer *text, enum kind kind) {
	for (uint32_t number = 0; number < LINES; number++) {
		/* A buffer holds 64 MiB, and so does the index. */
		if (text->len > KNOWN_HOSTS_BYTES_MAX - 4096)
			break;
		put_line(text, kind, number);
	}
}

static bool measure(enum kind kind) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	struct known_hosts *hosts;
	uint64_t started_ns, load_ns, ask_ns;
	size_t held;
	enum tri fits;
	bool good;

	put_text(&text, kind);
	put_key(&blob, kind, 0);
	if (known_hosts_new(&hosts) < 0)
		return false;
	held = mallinfo2().uordblks + mallinfo2().hblkhd;
	started_ns = clock_mono_ns();
	good = known_hosts_add(hosts, buffer_bytes(&text), KNOWN_HOSTS_USER) == 0;
	load_ns = clock_mono_ns() - started_ns;
	held = mallinfo2().uordblks + mallinfo2().hblkhd - held;
	started_ns = clock_mono_ns();
	fits = known_hosts_has_name(hosts, buffer_bytes(&blob), "nobody.example.com", 22);
	ask_ns = clock_mono_ns() - started_ns;
	printf("%-20s %6zu lines: %4.0f ms, %5.1f MiB; one question: %6.2f ms\n", titles[kind],
	       known_hosts_counts(hosts).used, (double)load_ns / 1e6, (double)held / (1 << 20),
	       (double)ask_ns / 1e6);
	known_hosts_free(hosts);
	return good && fits == TRI_NO && load_ns < LOAD_NS_MAX && held < BYTES_MAX;
}

int main(void) {
	bool good = true;

	for (int kind = 0; kind < N_KINDS; kind++)
		good = measure((enum kind)kind) && good;
	return good ? 0 : 1;
}

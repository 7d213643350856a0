/*
 * Keys as ssh-keygen makes them, each test in a directory of its own: what we say of a key is held
 * against what OpenSSH says of it.
 */
#ifndef TESTS_UNIT_WIRE_KEYGEN_H
#define TESTS_UNIT_WIRE_KEYGEN_H

#include "unit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"

static char keygen_directory[64];

static inline int keygen_enter(void **state) {
	(void)state;
	strcpy(keygen_directory, "/tmp/guard-unit-XXXXXX");
	return mkdtemp(keygen_directory) == NULL || chdir(keygen_directory) < 0 ? -1 : 0;
}

static inline int keygen_leave(void **state) {
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", keygen_directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

/* Makes ./NAME and ./NAME.pub. false: this ssh-keygen no longer makes such keys. */
static inline bool keygen_make(const char *name, const char *options) {
	char command[256];

	snprintf(command, sizeof(command),
	         "ssh-keygen -q -N '' -C 'me@here' -f '%s' %s 2>keygen.err", name, options);
	return system(command) == 0;
}

static inline void keygen_run(const char *command) {
	assert_int_equal(system(command), 0);
}

/* Appends the blob in the second word of a .pub file. */
static inline void keygen_read_blob(struct buffer *blob, const char *path) {
	static char line[64 * 1024];
	static uint8_t raw[48 * 1024];
	FILE *file = fopen(path, "r");
	char *base64;
	int len;

	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	strtok(line, " \n");
	base64 = strtok(NULL, " \n");
	assert_non_null(base64);
	len = EVP_DecodeBlock(raw, (uint8_t *)base64, (int)strlen(base64));
	assert_true(len > 0);
	for (size_t end = strlen(base64); end > 0 && base64[end - 1] == '='; end--)
		len--;
	buffer_put_raw(blob, (struct bytes){raw, (size_t)len});
}

/* What ssh-keygen -l says of a .pub file; "" where it refuses the key. */
static inline void keygen_fingerprint(char ret[static 128], const char *path) {
	char command[256];
	FILE *pipe;

	snprintf(command, sizeof(command), "ssh-keygen -l -f '%s' 2>keygen.err", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (fscanf(pipe, "%*s %127s", ret) != 1)
		ret[0] = '\0';
	pclose(pipe);
}

/* The same of a blob that stands in no file yet. */
static inline void keygen_fingerprint_of_blob(char ret[static 128], const char *type,
                                              struct bytes blob) {
	static uint8_t base64[64 * 1024];
	FILE *file = fopen("blob.pub", "w");

	assert_non_null(file);
	EVP_EncodeBlock(base64, blob.data, (int)blob.len);
	fprintf(file, "%s %s\n", type, (const char *)base64);
	fclose(file);
	keygen_fingerprint(ret, "blob.pub");
}

#endif

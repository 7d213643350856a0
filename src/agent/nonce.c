#include "agent/nonce.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

int nonce_new(char ret[static NONCE_SIZE]) {
	uint8_t random[(NONCE_SIZE - 1) / 2];

	if (getentropy(random, sizeof(random)) < 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(ret + 2 * i, 3, "%02x", random[i]);
	return 0;
}

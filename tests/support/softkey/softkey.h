/*
 * A security key in software: a CTAP2 authenticator that speaks CTAPHID reports over a Unix socket,
 * one report of 64 bytes for each packet. A test double: what a person does (touch it, decline, do
 * nothing, pull it out) is said by lines of a script, and so is how it lies.
 *
 * Its credentials hold no state: a key is derived from the secret and the credential's id. So two
 * softkeys with one secret are clones of each other.
 */
#ifndef SOFTKEY_H
#define SOFTKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SOFTKEY_SECRET_LEN 32
#define SOFTKEY_PIN_MAX    63

struct softkey_options {
	const char *path; /* of the socket */
	uint8_t secret[SOFTKEY_SECRET_LEN];
	const char *pin; /* NULL: none is set */
	bool ctap21;     /* else 2.0: PIN protocol 1, no permissions */
	bool no_counter; /* it is 0 for ever */
	uint32_t counter;
};

/*
 * Serves until the script ends. A line of the script is one of
 *
 *	touch       a touch, now or, where nothing waits for one, as soon as something does
 *	refuse      likewise: declines
 *	wait        takes back what is said for later
 *	vanish      pulls it out
 *	appear      plugs it in again
 *	counter N   the last signature's number
 *	lie HOW     the next assertion is not what was asked for: see enum lie
 *	lie         tells the truth again
 *	end         as the script's end
 *
 * On the report it writes lines: ready, gone, waiting make, waiting get, touched, refused,
 * cancelled, signed N, made, lied.
 */
int softkey_run(const struct softkey_options *options, int script_fd, int report_fd) MUST_CHECK;

#endif

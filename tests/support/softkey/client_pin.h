/* clientPIN: the PIN, its tries, and the two protocols in which it comes (CTAP 2.1, 6.5). */
#ifndef SOFTKEY_CLIENT_PIN_H
#define SOFTKEY_CLIENT_PIN_H

#include <cbor.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "crypto.h"
#include "softkey.h"

#define PIN_RETRIES       8
#define PIN_TRIES_AT_ONCE 3 /* then it must be pulled out */
#define TOKEN_LEN         32

struct client_pin {
	char pin[SOFTKEY_PIN_MAX + 1]; /* "": none is set */
	int retries;
	int tries_at_once;
	bool ctap21;
	EVP_PKEY *key; /* for agreeing; another one after each wrong PIN */
	uint8_t point[POINT_LEN];
	uint8_t token[TOKEN_LEN];
};

void client_pin_init(struct client_pin *pin, const char *text, bool ctap21);
void client_pin_deinit(struct client_pin *pin);
void client_pin_power_up(struct client_pin *pin); /* as after it was plugged in */

/* Status; the answer, if any, is a map in *ret. */
uint8_t client_pin_command(cbor_item_t **ret, struct client_pin *pin, const cbor_item_t *request);

/* Whether the parameter proves that who sent the hash has the token. */
bool client_pin_verifies(const struct client_pin *pin, uint64_t protocol, struct bytes hash,
                         struct bytes parameter);

#endif

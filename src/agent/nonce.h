/* A word that nobody can guess. */
#ifndef AGENT_NONCE_H
#define AGENT_NONCE_H

#include "base/cleanup.h"

#define NONCE_SIZE (2 * 16 + 1)

/* Random, in hex. -EIO: the system has nothing random to give. */
int nonce_new(char ret[static NONCE_SIZE]) MUST_CHECK;

#endif

/*
 * Which security keys are plugged in, and the way to one. Blocks: for the helper's processes alone.
 * The tests' build of the program has another file in this one's place, which knows the test double
 * and nothing else: so no switch, and no way to a device that is none, is in the program that
 * ships.
 */
#ifndef CONFIRM_KEY_DEVICES_H
#define CONFIRM_KEY_DEVICES_H

#include <fido.h>
#include <signal.h>
#include <stddef.h>

#include "base/cleanup.h"

#define KEY_DEVICES_MAX      8 /* plugged in at once */
#define KEY_DEVICE_PATH_SIZE 256

struct key_device {
	char path[KEY_DEVICE_PATH_SIZE];
	char product[64]; /* what it calls itself */
};

/* Returns how many there are. */
size_t key_devices_find(struct key_device ret[static KEY_DEVICES_MAX]);

/* An open one; reads from it that wait can be interrupted by the signals that are not in the mask.
 * -EIO: it cannot be opened. */
int key_device_open(fido_dev_t **ret, const struct key_device *device,
                    const sigset_t *mask) MUST_CHECK;

#endif

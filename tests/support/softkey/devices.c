/*
 * In the place of confirm/key_devices.c: the keys are softkeys, and the environment says where
 * their sockets are (SSH_AGENT_GUARD_SOFTKEYS, paths with "ctaphid+unix:" before each, commas
 * between them). One whose socket is not there is not plugged in.
 */
#include "confirm/key_devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "transport.h"

size_t key_devices_find(struct key_device ret[static KEY_DEVICES_MAX]) {
	const char *at = getenv("SSH_AGENT_GUARD_SOFTKEYS");
	size_t n = 0;

	while (at != NULL && *at != '\0' && n < KEY_DEVICES_MAX) {
		size_t len = strcspn(at, ",");
		struct stat status;

		if (len < sizeof(ret->path) &&
		    strncmp(at, SOFTKEY_SCHEME, strlen(SOFTKEY_SCHEME)) == 0) {
			memcpy(ret[n].path, at, len);
			ret[n].path[len] = '\0';
			strcpy(ret[n].product, "Softkey");
			if (stat(ret[n].path + strlen(SOFTKEY_SCHEME), &status) == 0)
				n++;
		}
		at += len + (at[len] == ',');
	}
	return n;
}

int key_device_open(fido_dev_t **ret, const struct key_device *device, const sigset_t *mask) {
	fido_dev_t *opened = fido_dev_new();

	if (opened == NULL)
		return -ENOMEM;
	if (fido_dev_set_io_functions(opened, &softkey_io) != FIDO_OK ||
	    fido_dev_open(opened, device->path) != FIDO_OK) {
		fido_dev_free(&opened);
		return -EIO;
	}
	softkey_io_set_mask(opened, mask);
	*ret = opened;
	return 0;
}

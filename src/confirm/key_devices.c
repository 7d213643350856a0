#include "confirm/key_devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FOUND_MAX 64 /* what the system lists, and we look through */

size_t key_devices_find(struct key_device ret[static KEY_DEVICES_MAX]) {
	fido_dev_info_t *list = fido_dev_info_new(FOUND_MAX);
	size_t found = 0, n = 0;

	if (list == NULL || fido_dev_info_manifest(list, FOUND_MAX, &found) != FIDO_OK)
		found = 0;
	for (size_t i = 0; i < found && n < KEY_DEVICES_MAX; i++) {
		const fido_dev_info_t *info = fido_dev_info_ptr(list, i);
		const char *path = fido_dev_info_path(info);
		const char *maker = fido_dev_info_manufacturer_string(info);
		const char *product = fido_dev_info_product_string(info);

		if (path == NULL || strlen(path) >= sizeof(ret->path))
			continue;
		strcpy(ret[n].path, path);
		snprintf(ret[n].product, sizeof(ret->product), "%s %s", maker != NULL ? maker : "",
		         product != NULL ? product : "");
		n++;
	}
	fido_dev_info_free(&list, FOUND_MAX);
	return n;
}

int key_device_open(fido_dev_t **ret, const struct key_device *device, const sigset_t *mask) {
	fido_dev_t *opened = fido_dev_new();

	if (opened == NULL)
		return -ENOMEM;
	if (fido_dev_open(opened, device->path) != FIDO_OK) {
		fido_dev_free(&opened);
		return -EIO;
	}
	/* Without it, a touch that is called off goes on blinking. */
	if (fido_dev_set_sigmask(opened, mask) != FIDO_OK) {
		fido_dev_close(opened);
		fido_dev_free(&opened);
		return -EIO;
	}
	*ret = opened;
	return 0;
}

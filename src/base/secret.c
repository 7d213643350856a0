#include "base/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/mman.h>

#include "platform/platform.h"

void *secret_new(size_t size) {
	void *secret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (secret == MAP_FAILED)
		return NULL;
	if (mlock(secret, size) < 0) {
		munmap(secret, size);
		return NULL;
	}
	/* Of the guard itself there are no core dumps; this is for tools. */
	platform_leave_out_of_dumps(secret, size);
	platform_leave_to_children(secret, size, false);
	return secret;
}

void secret_bequeath(void *secret, size_t size) {
	platform_leave_to_children(secret, size, true);
}

int secret_inherit(const void *secret, size_t size) {
	return mlock(secret, size) < 0 ? -ENOMEM : 0;
}

void secret_wipe(void *secret, size_t size) {
	OPENSSL_cleanse(secret, size);
}

void secret_free(void *secret, size_t size) {
	if (secret == NULL)
		return;
	secret_wipe(secret, size);
	munmap(secret, size);
}

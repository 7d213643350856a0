/* libfido2's way to a softkey: reports over its socket. */
#ifndef SOFTKEY_TRANSPORT_H
#define SOFTKEY_TRANSPORT_H

#include <fido.h>

#define SOFTKEY_SCHEME "ctaphid+unix:"

extern const fido_dev_io_t softkey_io; /* opens "ctaphid+unix:PATH" */
/* The signals that may interrupt a read that waits, as fido_dev_set_sigmask() has it. NULL: as
 * they are. */
void softkey_io_set_mask(fido_dev_t *device, const sigset_t *mask);

#endif

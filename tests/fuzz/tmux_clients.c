/* What a tmux server says of its clients. */
#include <stdlib.h>
#include <string.h>

#include "caller/tmux_clients.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct tmux_client client;

	if (!tmux_clients_pick(&client, (struct bytes){data, len}))
		return 0;
	/* These become arguments of tmux. */
	if (client.name[0] != '/' || client.session[0] != '$' || client.pane[0] != '%' ||
	    strlen(client.name) >= sizeof(client.name) ||
	    client.name[strlen(client.name) - 1] == ';' || strpbrk(client.name, " \n") != NULL)
		abort();
	return 0;
}

#include "log/anchor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

int anchors_add(struct anchors *anchors, const struct chain_link *link) {
	struct chain_link *links = array_resize(anchors->links, anchors->count + 1,
	                                        sizeof(*anchors->links));
	size_t at = anchors->count;

	if (links == NULL)
		return -ENOMEM;
	anchors->links = links;
	while (at > 0 && links[at - 1].seq > link->seq)
		at--;
	memmove(links + at + 1, links + at, (anchors->count - at) * sizeof(*links));
	links[at] = *link;
	anchors->count++;
	return 0;
}

void anchors_deinit(struct anchors *anchors) {
	free(anchors->links);
	*anchors = (struct anchors){0};
}

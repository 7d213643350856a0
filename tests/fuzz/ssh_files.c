/* What ssh -G prints, with a home directory and without one. */
#include <stdlib.h>

#include "agent/ssh_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
	static const char *const homes[] = {NULL, "/home/a"};
	struct ssh_alias alias;

	for (size_t i = 0; i < 2; i++) {
		struct ssh_known_files files;

		if (ssh_known_files_read(&files, (struct bytes){input, size}, homes[i]) < 0)
			continue;
		for (size_t kind = 0; kind < KNOWN_BY_COUNT; kind++)
			for (size_t j = 0; j < files.n_paths[kind]; j++)
				if (files.paths[kind][j][0] != '/')
					abort();
		ssh_known_files_deinit(&files);
	}
	if (ssh_alias_read(&alias, (struct bytes){input, size}) == 0) {
		if (alias.host == NULL || *alias.host == '\0')
			abort();
		ssh_alias_deinit(&alias);
	}
	return 0;
}

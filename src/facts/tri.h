/* What is known of a fact. Zeroed memory knows nothing, and "unknown" is not "no". */
#ifndef FACTS_TRI_H
#define FACTS_TRI_H

enum tri { TRI_UNKNOWN, TRI_NO, TRI_YES };

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of attention and attention_merge, and their parts. */
#ifndef SEQMIX_TESTS_TEST_ATTENTION_H
#define SEQMIX_TESTS_TEST_ATTENTION_H

#include "support/suite.h"

void suite_attention(Suite *suite);
void suite_attention_properties(Suite *suite);
void suite_attention_memory(Suite *suite);
void suite_attention_merge(Suite *suite);
void suite_attention_split(Suite *suite);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Diagnostics of the selftests: lines of TAP commentary on standard output.
 */
#ifndef SELFTESTS_DIAG_H
#define SELFTESTS_DIAG_H

/**
 * diag() - print one line of TAP commentary
 * @format: as for printf(), without "# " before it and without a newline
 *
 * Goes out with one write(), past stdio, so that lines of forked processes
 * neither mix nor come twice.
 */
void diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* SELFTESTS_DIAG_H */

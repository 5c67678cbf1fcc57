# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The C library's functions that Python has no wrapper for in every release we support."""

TEXT = """
int unshare(int flags);
int bind(int fd, const void *address, unsigned int length);
int setns(int fd, int nstype);
long syscall(long number, ...);
int vsnprintf(char *text, size_t size, const char *format, void *arguments);
"""

//! The book, compiled: every code block of every chapter is a doc test

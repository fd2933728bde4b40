//! The derive macro behind the derive feature of connect-api.

# In the place of rust:1.95-bookworm where no registry can be reached. rust.tar is a toolchain; the authorities are those of
# the machine that builds, whose way to the crates may need one of its own.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev
ADD rust.tar /usr/local/
COPY ca-certificates.crt /etc/ssl/certs/

#!/usr/bin/env bash
# The Secrets of the production overlay, without an operator for them (components/external-secrets is the other way).
#   deploy/k8s/secrets.sh passwords > passwords.env                  eight new passwords, to be kept safe and out of the repository
#   deploy/k8s/secrets.sh manifests HOST < passwords.env | kubectl apply -n eventshop -f -
#                                                                    the Secrets made of them, with PostgreSQL at HOST
# PostgreSQL's four are taken from the same file:  set -a; . ./passwords.env; psql … -f deploy/postgres/init.sql
set -euo pipefail

names=(NATS_PROVISIONER NATS_ORDER_SERVICE NATS_PAYMENT_SERVICE NATS_SYS ORDERS_OWNER ORDERS_APP PAYMENTS_OWNER PAYMENTS_APP)

# Letters and digits, a letter first: they stand in URLs, in connection strings and in nats-server's configuration.
new_passwords() {
  local name
  for name in "${names[@]}"; do
    printf '%s_PASSWORD=p%s\n' "$name" "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  done
}

read_passwords() {
  local key value name
  while IFS='=' read -r key value; do
    [[ $key =~ ^[A-Z_]+_PASSWORD$ ]] && printf -v "$key" '%s' "$value"
  done
  for name in "${names[@]}"; do
    name=${name}_PASSWORD
    [[ ${!name:-} =~ ^[A-Za-z][A-Za-z0-9]+$ ]] || { echo "$name is missing, or not letters and digits beginning with a letter" >&2; exit 1; }
  done
}

# secret NAME KEY VALUE [KEY VALUE]…
secret() {
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: { name: %s, labels: { app.kubernetes.io/part-of: eventshop } }\nstringData:\n' "$1"
  shift
  while [ $# -gt 0 ]; do
    printf '  %s: "%s"\n' "$1" "$2"
    shift 2
  done
}

manifests() {
  local postgres="Host=$1;SSL Mode=VerifyFull"
  secret order-service \
    nats "nats://order-service:$NATS_ORDER_SERVICE_PASSWORD@nats:4222" \
    orders "$postgres;Username=orders_app;Password=$ORDERS_APP_PASSWORD;Database=orders;Maximum Pool Size=20"
  secret order-service-setup \
    nats "nats://provisioner:$NATS_PROVISIONER_PASSWORD@nats:4222" \
    orders "$postgres;Username=orders_owner;Password=$ORDERS_OWNER_PASSWORD;Database=orders"
  secret payment-service \
    nats "nats://payment-service:$NATS_PAYMENT_SERVICE_PASSWORD@nats:4222" \
    payments "$postgres;Username=payments_app;Password=$PAYMENTS_APP_PASSWORD;Database=payments;Maximum Pool Size=20"
  secret payment-service-setup \
    nats "nats://provisioner:$NATS_PROVISIONER_PASSWORD@nats:4222" \
    payments "$postgres;Username=payments_owner;Password=$PAYMENTS_OWNER_PASSWORD;Database=payments"
  secret nats-users \
    provisioner "$NATS_PROVISIONER_PASSWORD" order-service "$NATS_ORDER_SERVICE_PASSWORD" \
    payment-service "$NATS_PAYMENT_SERVICE_PASSWORD" sys "$NATS_SYS_PASSWORD"
}

case "${1:-} $#" in
  "passwords 1") new_passwords ;;
  "manifests 2") read_passwords; manifests "$2" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

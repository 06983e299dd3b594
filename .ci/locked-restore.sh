#!/usr/bin/env bash
# Restores what is shipped, the three services, from the committed packages.lock.json: exactly those packages, with exactly that content.
# Without lock files it makes them, to be committed, and says so (docs/supply-chain.md).
set -euo pipefail
cd "$(dirname "$0")/.."

services=(services/OrderService services/PaymentService services/PaymentGateway)
if [ -z "$(git ls-files '*packages.lock.json')" ]; then
  for service in "${services[@]}"; do dotnet restore "$service" --use-lock-file; done
  echo "::warning title=No lock files::They were made just now: commit the packages.lock.json files, and from then on a restore is locked."
  exit
fi
for service in "${services[@]}"; do dotnet restore "$service" --locked-mode; done

#!/usr/bin/env bash
# Loads a retailer's CSV into the service: registers attributes, converts the file to the API's CSV form and imports it, and makes events
# of the columns that say what customers did. A pattern for a CSV of your own: change `attributes` and the awk program.
#   examples/import-csv.sh [BASE_URL] FILE
set -euo pipefail
[ $# -gt 1 ] || set -- http://localhost:5080 "$@"
base="${1%/}/api/v1"
file="${2:?usage: import-csv.sh [BASE_URL] FILE}"
[ -r "$file" ] || { echo "Can't read $file." >&2; exit 2; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Sends a request and prints the answer; stops at an error or a rejected line.
send() {
  local answer
  if ! answer="$(curl -sS --fail-with-body "$@")"; then
    printf '%s\n' "$answer" >&2
    exit 1
  fi
  printf '%s\n' "$answer"
  case "$answer" in
    *'"rejected":'[1-9]*) exit 1 ;;
  esac
}

# name, type, kind, and the column it comes from.
attributes='
recencyDays          integer behavioral Recency
numDealsPurchases    integer behavioral NumDealsPurchases
numWebPurchases      integer behavioral NumWebPurchases
numCatalogPurchases  integer behavioral NumCatalogPurchases
numStorePurchases    integer behavioral NumStorePurchases
numWebVisitsMonth    integer behavioral NumWebVisitsMonth
complained           boolean behavioral Complain
spendWines           decimal value      MntWines
spendFruits          decimal value      MntFruits
spendMeat            decimal value      MntMeatProducts
spendFish            decimal value      MntFishProducts
spendSweets          decimal value      MntSweetProducts
spendGold            decimal value      MntGoldProds'

echo "1. Attributes"
while read -r name type kind _; do
  [ -z "$name" ] || send -X PUT "$base/attributes/$name" -H 'Content-Type: application/json' -d "{\"type\":\"$type\",\"kind\":\"$kind\"}"
done <<<"$attributes"

# One pass over the file writes the customers as CSV and what they did as NDJSON. Columns are found by the names in the header.
awk -v attributes="$attributes" -v customers="$work/customers.csv" -v events="$work/events.ndjson" '
  BEGIN {
    FS = ","
    n = split(attributes, lines, "\n")
    for (i = 1; i <= n; i++) if (split(lines[i], part, " ") == 4) { name[++count] = part[1]; type[count] = part[2]; from[count] = part[4] }
    header = "id,demographic.birthDate,demographic.education,demographic.maritalStatus,demographic.income,demographic.children,signedUpAt,psychographic.interests"
    for (i = 1; i <= count; i++) header = header ",attributes." name[i]
    print header > customers

    # The file does not say when the campaigns were. These dates are made up: one every four months, the last just before the file was made.
    split("2012-11-15 2013-03-15 2013-07-15 2013-11-15 2014-03-15 2014-06-15", campaign, " ")
    split("AcceptedCmp1 AcceptedCmp2 AcceptedCmp3 AcceptedCmp4 AcceptedCmp5 Response", accepted, " ")
    split("wines fruits meat fish sweets gold", product, " ")
    split("MntWines MntFruits MntMeatProducts MntFishProducts MntSweetProducts MntGoldProds", spent, " ")
    split("31 28 31 30 31 30 31 31 30 31 30 31", length_of, " ")
  }

  function value(column) {
    if (!(column in at)) { printf "The file has no column %s.\n", column > "/dev/stderr"; failed = 1; exit 1 }
    return $at[column]
  }

  # The date that many days before 2014-06-29, the day the file was made.
  function before(days,   y, m, d) {
    y = 2014; m = 6; d = 29 - days
    while (d < 1) { if (--m < 1) { m = 12; y-- }; d += length_of[m] + (m == 2 && y % 4 == 0) }
    return sprintf("%04d-%02d-%02d", y, m, d)
  }

  { sub(/\r$/, "") }
  NR == 1 { sub(/^\357\273\277/, ""); for (i = 1; i <= NF; i++) at[$i] = i; next }
  NF == 0 { next }
  {
    id = value("ID")
    split(value("Dt_Customer"), day, "-")   # DD-MM-YYYY
    total = 0
    for (i = 1; i <= 6; i++) total += value(spent[i])

    # Interests: what at least a quarter of the money went to.
    interests = ""
    for (i = 1; i <= 6; i++) if (total > 0 && 4 * value(spent[i]) >= total) interests = interests (interests == "" ? "" : "|") product[i]

    line = id "," value("Year_Birth") "-01-01," value("Education") "," value("Marital_Status") "," value("Income") "," (value("Kidhome") + value("Teenhome"))
    line = line "," day[3] "-" day[2] "-" day[1] "T00:00:00Z," interests
    for (i = 1; i <= count; i++) line = line "," (type[i] == "boolean" ? (value(from[i]) ? "true" : "false") : value(from[i]))
    print line > customers

    for (i = 1; i <= 6; i++) if (value(accepted[i]) == 1)
      printf "{\"id\":\"%s-campaign-%d\",\"customerId\":\"%s\",\"type\":\"campaign_accepted\",\"occurredAt\":\"%sT12:00:00Z\",\"channel\":\"email\",\"properties\":{\"campaign\":%d}}\n", id, i, id, campaign[i], i > events

    # All purchases of the two years as one order on the day of the last, so that the value fields have something to show.
    printf "{\"id\":\"%s-order\",\"customerId\":\"%s\",\"type\":\"order_completed\",\"occurredAt\":\"%sT00:00:00Z\",\"amount\":%d,\"channel\":\"store\"}\n", id, id, before(value("Recency")), total > events
  }
  END { if (failed) exit 1 }
' "$file"

echo "2. Customers: $(($(wc -l <"$work/customers.csv") - 1)) lines, such as"
head -n 2 "$work/customers.csv"
send -X POST "$base/customers/import" -H 'Content-Type: text/csv' --data-binary "@$work/customers.csv"

echo "3. Events: $(wc -l <"$work/events.ndjson") lines, such as"
head -n 2 "$work/events.ndjson"
send -X POST "$base/events?createCustomers=false" -H 'Content-Type: application/x-ndjson' --data-binary "@$work/events.ndjson"

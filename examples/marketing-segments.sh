#!/usr/bin/env bash
# Defines segments over the customers that import-csv.sh loaded, and checks each count: the API's answer beside one that awk works out from
# the CSV itself. Prints key | API | awk; exits 1 when any two differ.
#   examples/marketing-segments.sh [BASE_URL] FILE
set -euo pipefail
[ $# -gt 1 ] || set -- http://localhost:5080 "$@"
base="${1%/}/api/v1"
file="${2:?usage: marketing-segments.sh [BASE_URL] FILE}"
[ -r "$file" ] || { echo "Can't read $file." >&2; exit 2; }

# The day the file was made, so that ages and windows stay what they are.
as_of=2014-06-29T00:00:00Z

# The file as awk sees it: `born`, `income`, ... of a line, `accepted` campaigns of it, and how many spent less (`smaller` of `rows`).
# shellcheck disable=SC2016
columns='
  BEGIN { FS = ","; split("MntWines MntFruits MntMeatProducts MntFishProducts MntSweetProducts MntGoldProds", spent, " ") }
  { sub(/\r$/, "") }
  FNR == 1 { pass++; sub(/^\357\273\277/, ""); for (i = 1; i <= NF; i++) at[$i] = i; next }
  NF == 0 { next }
  { total = 0; for (i = 1; i <= 6; i++) total += $at[spent[i]] }
  pass == 1 { with[total]++; rows++; if (total > most) most = total; next }
  FNR == 2 { sum = 0; for (v = 0; v <= most; v++) { less[v] = sum; sum += with[v] } }
  {
    born = $at["Year_Birth"]; age = 2014 - born   # All are taken to be born on 1 January.
    education = tolower($at["Education"]); marital = tolower($at["Marital_Status"]); income = $at["Income"]
    children = $at["Kidhome"] + $at["Teenhome"]
    split($at["Dt_Customer"], d, "-"); signup = (d[3] d[2] d[1]) + 0; anniversary = (d[2] d[1]) + 0   # Numbers: texts would compare as texts.
   
    recency = $at["Recency"]; web = $at["NumWebPurchases"]; store = $at["NumStorePurchases"]; catalog = $at["NumCatalogPurchases"]
    deals = $at["NumDealsPurchases"]; visits = $at["NumWebVisitsMonth"]; complained = $at["Complain"]
    wines = $at["MntWines"]; fruits = $at["MntFruits"]; meat = $at["MntMeatProducts"]; fish = $at["MntFishProducts"]; gold = $at["MntGoldProds"]; sweets = $at["MntSweetProducts"]
    c1 = $at["AcceptedCmp1"]; c2 = $at["AcceptedCmp2"]; c3 = $at["AcceptedCmp3"]; c4 = $at["AcceptedCmp4"]; c5 = $at["AcceptedCmp5"]; c6 = $at["Response"]
    accepted = c1 + c2 + c3 + c4 + c5 + c6
    smaller = less[total]
  }'

failures=0
checked=0

# The number after "NAME": in a JSON answer.
number() {
  awk -v name="\"$1\":" '{ i = index($0, name); s = substr($0, i + length(name)); if (i && match(s, /[0-9]+/)) { print substr(s, RSTART, RLENGTH); exit } }'
}

# Prints an answer; stops with what the API says when it is an error.
ask() {
  local answer
  if ! answer="$(curl -sS --fail-with-body "$@")"; then
    printf '%s\n' "$answer" >&2
    exit 1
  fi
  printf '%s\n' "$answer"
}

# define KEY KIND RULE: stores a segment.
define() {
  ask -X PUT "$base/segments/$1" -H 'Content-Type: application/json' \
    -d "{\"name\":\"$1\",\"goal\":\"Check a $2 rule against the CSV\",\"kind\":\"rule\",\"tags\":[\"$2\",\"marketing\"],\"status\":\"active\",\"rule\":$3}" >/dev/null
}

# check KEY KIND RULE CONDITION: the segment among the file's customers, and the same in awk.
check() {
  local answer got total expected
  define "$1" "$2" "{\"combinator\":\"and\",\"rules\":[{\"field\":\"segment\",\"operator\":\"in\",\"value\":[\"mk-file\"]},$3]}"
  answer="$(ask "$base/segments/$1/count?asOf=$as_of")"
  got="$(number count <<<"$answer")"
  total="$(number total <<<"$answer")"
  expected="$(awk "$columns"'{ if ('"$4"') n++ } END { print n + 0 }' "$file" "$file")"
  case "$4" in
    *smaller*)
      if [ "$total" != "$rows" ]; then
        printf '%-28s | %6s | %6s | skipped: a percentile is among all %s customers of the service\n' "$1" "$got" "$expected" "$total"
        return
      fi
      ;;
  esac
  checked=$((checked + 1))
  if [ "$got" = "$expected" ]; then
    printf '%-28s | %6s | %6s |\n' "$1" "$got" "$expected"
  else
    printf '%-28s | %6s | %6s | DIFFERENT\n' "$1" "$got" "$expected"
    failures=$((failures + 1))
  fi
}

rows="$(awk "$columns"'END { print rows }' "$file" "$file")"
define mk-file behavioral '{"combinator":"and","rules":[{"field":"attributes.recencyDays","operator":"notNull"}]}'
printf '%-28s | %6s | %6s |\n' segment API awk

# demographic
check mk-everyone demographic '{"combinator":"and","rules":[]}' '1'
check mk-income-missing demographic '{"field":"demographic.income","operator":"null"}' 'income == ""'
check mk-income-known demographic '{"field":"demographic.income","operator":"notNull"}' 'income != ""'
check mk-income-666666 demographic '{"field":"demographic.income","operator":"=","value":"666666"}' 'income == 666666'
check mk-income-not-666666 demographic '{"field":"demographic.income","operator":"!=","value":666666}' 'income != 666666'
check mk-income-from-70000 demographic '{"field":"demographic.income","operator":">=","value":70000}' 'income != "" && income + 0 >= 70000'
check mk-income-not-from-70000 demographic '{"combinator":"and","not":true,"rules":[{"field":"demographic.income","operator":">=","value":70000}]}' 'income == "" || income + 0 < 70000'
check mk-income-outside demographic '{"field":"demographic.income","operator":"notBetween","value":"30000, 70000"}' 'income == "" || income + 0 < 30000 || income + 0 > 70000'
check mk-age-30-to-45 demographic '{"field":"demographic.age","operator":"between","value":[30,45]}' 'age >= 30 && age <= 45'
check mk-age-over-100 demographic '{"field":"demographic.age","operator":">","value":100}' 'age > 100'
check mk-age-in demographic '{"field":"demographic.age","operator":"in","value":[40,50,60]}' 'age == 40 || age == 50 || age == 60'
check mk-born-in-the-70s demographic '{"field":"demographic.birthDate","operator":"between","value":["1970-01-01","1979-12-31"]}' 'born >= 1970 && born <= 1979'
check mk-graduates-any-case demographic '{"field":"demographic.education","operator":"in","value":["GRADUATION","phd"]}' 'education == "graduation" || education == "phd"'
check mk-second-cycle demographic '{"field":"demographic.education","operator":"beginsWith","value":"2N"}' 'substr(education, 1, 2) == "2n"'
check mk-marital-not-ed demographic '{"field":"demographic.maritalStatus","operator":"doesNotEndWith","value":"ED"}' 'marital !~ /ed$/'
check mk-marital-with-o demographic '{"field":"demographic.maritalStatus","operator":"contains","value":"o"}' 'marital ~ /o/'
check mk-marital-jokes demographic '{"field":"demographic.maritalStatus","operator":"in","value":"yolo, absurd"}' 'marital == "yolo" || marital == "absurd"'
check mk-parents demographic '{"field":"demographic.children","operator":">=","value":1}' 'children >= 1'

# geographic: the file has none
check mk-no-country geographic '{"field":"geographic.country","operator":"null"}' '1'
check mk-not-in-berlin geographic '{"field":"geographic.location","operator":"notWithin","value":{"latitude":52.5,"longitude":13.4,"radiusKm":50}}' '1'

# psychographic: interests are what at least a quarter of the money went to
check mk-wine-lovers psychographic '{"field":"psychographic.interests","operator":"contains","value":"Wines"}' '4 * wines >= total'
check mk-wine-and-meat psychographic '{"field":"psychographic.interests","operator":"contains","value":["wines","meat"]}' '4 * wines >= total && 4 * meat >= total'
check mk-fish-or-fruits psychographic '{"field":"psychographic.interests","operator":"in","value":["fish","fruits"]}' '4 * fish >= total || 4 * fruits >= total'
check mk-not-gold-nor-sweets psychographic '{"field":"psychographic.interests","operator":"notIn","value":["gold","sweets"]}' '4 * gold < total && 4 * sweets < total'
check mk-no-wine psychographic '{"field":"psychographic.interests","operator":"doesNotContain","value":"wines"}' '4 * wines < total'

# behavioral
events() { # MATCH RULES...: a rule over events
  printf '{"field":"behavioral.events","operator":"=","match":%s,"value":{"combinator":"and","rules":[%s]}}' "$1" "$2"
}
campaign='{"field":"type","operator":"=","value":"Campaign_Accepted"}'
check mk-accepted-2 behavioral "$(events '{"mode":"atLeast","threshold":2}' "$campaign")" 'accepted >= 2'
check mk-accepted-exactly-1 behavioral "$(events '{"mode":"exactly","threshold":1}' "$campaign")" 'accepted == 1'
check mk-accepted-1-to-3 behavioral "$(events '{"mode":"between","threshold":[1,3]}' "$campaign")" 'accepted >= 1 && accepted <= 3'
check mk-accepted-none behavioral "$(events '{"mode":"none"}' "$campaign")" 'accepted == 0'
check mk-accepted-3 behavioral "$(events '{"mode":"some"}' "$campaign"',{"field":"properties.campaign","operator":"=","value":3}')" 'c3'
check mk-accepted-1-or-5 behavioral "$(events '{"mode":"some"}' "$campaign"',{"field":"properties.campaign","operator":"in","value":[1,5]}')" 'c1 || c5'
check mk-accepted-as-text behavioral "$(events '{"mode":"some"}' "$campaign"',{"field":"properties.campaign","operator":"=","value":"3"}')" '0'
check mk-accepted-distinct behavioral "$(events '{"mode":"moreThan","threshold":2,"aggregate":"distinct","of":"properties.campaign"}' "$campaign")" 'accepted > 2'
check mk-campaign-sum behavioral "$(events '{"mode":"atLeast","threshold":8,"aggregate":"sum","of":"properties.campaign"}' "$campaign")" 'c1 + 2 * c2 + 3 * c3 + 4 * c4 + 5 * c5 + 6 * c6 >= 8'
check mk-first-accepted-late behavioral "$(events '{"mode":"atLeast","threshold":"2013-11-15","aggregate":"min","of":"occurredAt"}' "$campaign")" '!c1 && !c2 && !c3 && (c4 || c5 || c6)'
check mk-accepted-6-months behavioral "$(events '{"mode":"some"}' "$campaign"',{"field":"occurredAt","operator":">=","value":{"mode":"relative","anchor":"now","offset":-6,"unit":"month"}}')" 'c5 || c6'
check mk-accepted-at-noon behavioral "$(events '{"mode":"atLeast","threshold":1}' '{"field":"hourOfDay","operator":"=","value":12}')" 'accepted >= 1'
check mk-then-again behavioral '{"field":"behavioral.sequence","operator":"=","value":{"steps":[{"combinator":"and","rules":[{"field":"properties.campaign","operator":"=","value":3}]},{"combinator":"and","rules":[{"field":"properties.campaign","operator":">","value":3}]}],"within":{"amount":8,"unit":"month"}}}' 'c3 && (c4 || c5)'
check mk-events-3 behavioral '{"field":"behavioral.eventCount","operator":">=","value":3}' 'accepted + 1 >= 3'
check mk-complained behavioral '{"field":"attributes.complained","operator":"=","value":true}' 'complained == 1'
check mk-web-over-store behavioral '{"field":"attributes.numWebPurchases","operator":">","valueSource":"field","value":"attributes.numStorePurchases"}' 'web + 0 > store + 0'
check mk-window-shoppers behavioral '{"combinator":"and","rules":[{"field":"attributes.numWebVisitsMonth","operator":">=","value":"8"},{"field":"attributes.numWebPurchases","operator":"<=","value":2}]}' 'visits >= 8 && web <= 2'
check mk-deals-or-catalog behavioral '{"combinator":"or","rules":[{"field":"attributes.numDealsPurchases","operator":">","value":5},{"field":"attributes.numCatalogPurchases","operator":"between","value":[6,9]}]}' 'deals > 5 || (catalog >= 6 && catalog <= 9)'

# temporal
check mk-signed-up-2014 temporal '{"field":"temporal.signedUpAt","operator":">=","value":"2014-01-01"}' 'signup >= 20140101'
check mk-signed-up-on-a-day temporal '{"field":"temporal.signedUpAt","operator":"=","value":"2012-08-31"}' 'signup == 20120831'
check mk-signed-up-by-a-day temporal '{"field":"temporal.signedUpAt","operator":"<=","value":"2012-08-31"}' 'signup <= 20120831'
check mk-signed-up-6-months temporal '{"field":"temporal.signedUpAt","operator":">=","value":{"mode":"relative","anchor":"startOfMonth","offset":-6,"unit":"month"}}' 'signup >= 20131201'
check mk-anniversary-new-year temporal '{"field":"temporal.signupAnniversary","operator":"between","value":["2000-12-20","2000-01-10"]}' 'anniversary >= 1220 || anniversary <= 110'
check mk-anniversary-soon temporal '{"field":"temporal.signupAnniversary","operator":"between","value":[{"mode":"relative","anchor":"now","offset":0,"unit":"day"},{"mode":"relative","anchor":"now","offset":7,"unit":"day"}]}' 'anniversary >= 629 && anniversary <= 706'
check mk-anniversary-other-day temporal '{"field":"temporal.signupAnniversary","operator":"!=","value":"2014-05-12"}' 'anniversary != 512'
check mk-born-on-new-year temporal '{"field":"temporal.birthday","operator":"=","value":"2014-01-01"}' '1'

# value
check mk-value-from-1000 value '{"field":"value.lifetimeValue","operator":">=","value":1000}' 'total >= 1000'
check mk-value-between value '{"field":"value.lifetimeValue","operator":"between","value":[100,499]}' 'total >= 100 && total <= 499'
check mk-average-under-50 value '{"field":"value.averageOrderValue","operator":"<","value":50}' 'total < 50'
check mk-bought-lately value '{"field":"value.daysSinceLastOrder","operator":"<=","value":10}' 'recency <= 10'
check mk-bought-this-month value '{"field":"value.lastOrderAt","operator":">=","value":{"mode":"relative","anchor":"startOfMonth","offset":0,"unit":"day"}}' 'recency <= 28'
check mk-one-order value '{"field":"value.orderCount","operator":"=","value":1}' '1'
check mk-wines-over-500 value '{"field":"attributes.spendWines","operator":">","value":500}' 'wines > 500'
check mk-more-meat-than-wine value '{"field":"attributes.spendMeat","operator":">=","valueSource":"field","value":"attributes.spendWines"}' 'meat + 0 >= wines + 0'
check mk-top-tenth value '{"field":"value.percentile","operator":">=","value":90}' '100 * smaller >= 90 * (rows - 1)'
check mk-middle-fifth value '{"field":"value.percentile","operator":"between","value":[40,60]}' '100 * smaller >= 40 * (rows - 1) && 100 * smaller <= 60 * (rows - 1)'

# groups, and segments in segments
check mk-neither-nor demographic '{"combinator":"or","not":true,"rules":[{"field":"demographic.children","operator":">=","value":1},{"field":"attributes.complained","operator":"=","value":true}]}' '!(children >= 1 || complained == 1)'
check mk-nested demographic '{"combinator":"or","rules":[{"combinator":"and","rules":[{"field":"demographic.maritalStatus","operator":"=","value":"married"},{"combinator":"and","not":true,"rules":[{"field":"demographic.income","operator":"<","value":50000}]}]},{"field":"demographic.age","operator":"<","value":25}]}' '(marital == "married" && (income == "" || income + 0 >= 50000)) || age < 25'
check mk-parents-not-rich value '{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["mk-parents"]},{"field":"segment","operator":"notIn","value":["mk-income-from-70000","mk-value-from-1000"]}]}' 'children >= 1 && !(income != "" && income + 0 >= 70000) && total < 1000'
check mk-muted demographic '{"combinator":"and","rules":[{"field":"demographic.children","operator":"=","value":0},{"field":"demographic.age","operator":"<","value":40,"muted":true}]}' 'children == 0'

if [ "$failures" -gt 0 ]; then
  echo "$failures of $checked counts differ." >&2
  exit 1
fi
echo "All $checked counts agree."

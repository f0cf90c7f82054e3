-- everyone
SELECT c.last_name
FROM customers AS c
WHERE c.restricted_at IS NULL
ORDER BY c.first_name

-- nobody
SELECT c.last_name
FROM customers AS c
WHERE FALSE
ORDER BY c.first_name

-- text =
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_gender_folded = @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text !=
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_gender_folded IS NULL OR c.demographic_gender_folded <> @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text contains
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_gender_folded IS NOT NULL AND c.demographic_gender_folded LIKE @Value_contains AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text doesNotContain
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_gender_folded IS NULL OR c.demographic_gender_folded NOT LIKE @Value_contains) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text beginsWith
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_gender_folded IS NOT NULL AND c.demographic_gender_folded LIKE @Value_startswith AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text endsWith
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_gender_folded IS NOT NULL AND c.demographic_gender_folded LIKE @Value_endswith AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text doesNotEndWith
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_gender_folded IS NULL OR c.demographic_gender_folded NOT LIKE @Value_endswith) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text list in
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_gender_folded IS NOT NULL AND c.demographic_gender_folded = ANY (@Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- text list notIn
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_gender_folded IS NULL OR seg_has_none(@Value, c.demographic_gender_folded)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- missing null
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_gender_folded IS NULL AND c.restricted_at IS NULL
ORDER BY c.first_name

-- missing notNull
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_gender_folded IS NOT NULL AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer =
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_children = @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer !=
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_children IS NULL OR c.demographic_children <> @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer <
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_children < @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer >=
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_children >= @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer list in
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_children IS NOT NULL AND c.demographic_children = ANY (@Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer list notIn
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_children IS NULL OR seg_has_none(@Value, c.demographic_children)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer list between
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_children >= @Value AND c.demographic_children <= @Value1 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- integer list notBetween
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_children IS NULL OR c.demographic_children < @Value OR c.demographic_children > @Value1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal =
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_income = @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal !=
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_income IS NULL OR c.demographic_income <> @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal <
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_income < @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal >=
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_income >= @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal list in
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_income IS NOT NULL AND c.demographic_income = ANY (@Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal list notIn
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_income IS NULL OR seg_has_none(@Value, c.demographic_income)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal list between
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_income >= @Value AND c.demographic_income <= @Value1 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- decimal list notBetween
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_income IS NULL OR c.demographic_income < @Value OR c.demographic_income > @Value1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age =
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date <= @LatestBirthDate AND c.demographic_birth_date > @LatestBirthDate1 AND c.demographic_birth_date <= @Value_Today AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age !=
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_date IS NULL OR c.demographic_birth_date > @Value_Today OR (c.demographic_birth_date > @LatestBirthDate AND c.demographic_birth_date <= @Value_Today) OR c.demographic_birth_date <= @LatestBirthDate3) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age <
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date > @LatestBirthDate AND c.demographic_birth_date <= @Value_Today AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age >=
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date <= @LatestBirthDate AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age list in
SELECT c.last_name
FROM customers AS c
WHERE ((c.demographic_birth_date <= @LatestBirthDate AND c.demographic_birth_date > @LatestBirthDate1 AND c.demographic_birth_date <= @Value_Today) OR (c.demographic_birth_date <= @LatestBirthDate3 AND c.demographic_birth_date > @LatestBirthDate4 AND c.demographic_birth_date <= @Value_Today)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age list notIn
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_date IS NULL OR c.demographic_birth_date > @Value_Today OR (((c.demographic_birth_date > @LatestBirthDate AND c.demographic_birth_date <= @Value_Today) OR c.demographic_birth_date <= @LatestBirthDate3) AND ((c.demographic_birth_date > @LatestBirthDate4 AND c.demographic_birth_date <= @Value_Today) OR c.demographic_birth_date <= @LatestBirthDate6))) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age list between
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date <= @LatestBirthDate AND c.demographic_birth_date > @LatestBirthDate1 AND c.demographic_birth_date <= @Value_Today AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age list notBetween
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_date IS NULL OR c.demographic_birth_date > @Value_Today OR (c.demographic_birth_date > @LatestBirthDate AND c.demographic_birth_date <= @Value_Today) OR c.demographic_birth_date <= @LatestBirthDate3) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age missing null
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_date IS NULL OR c.demographic_birth_date > @Value_Today) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- age missing notNull
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date IS NOT NULL AND c.demographic_birth_date <= @Value_Today AND c.restricted_at IS NULL
ORDER BY c.first_name

-- date =
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date = @Date AND c.restricted_at IS NULL
ORDER BY c.first_name

-- date !=
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_date IS NULL OR c.demographic_birth_date <> @Date) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- date <
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date < @Date AND c.restricted_at IS NULL
ORDER BY c.first_name

-- date >=
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date >= @Date AND c.restricted_at IS NULL
ORDER BY c.first_name

-- date list in
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_date = @Date OR c.demographic_birth_date = @Date1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- date list notIn
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_date IS NULL OR (c.demographic_birth_date <> @Date AND c.demographic_birth_date <> @Date1)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- date list between
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_date >= @Date AND c.demographic_birth_date <= @Date1 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant by day =
SELECT c.last_name
FROM customers AS c
WHERE c.signed_up_at >= @From AND c.signed_up_at <= @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant by day !=
SELECT c.last_name
FROM customers AS c
WHERE (c.signed_up_at IS NULL OR c.signed_up_at < @From OR c.signed_up_at > @To) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant by day <
SELECT c.last_name
FROM customers AS c
WHERE c.signed_up_at < @From AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant by day >
SELECT c.last_name
FROM customers AS c
WHERE c.signed_up_at > @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant =
SELECT c.last_name
FROM customers AS c
WHERE c.signed_up_at = @From AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant !=
SELECT c.last_name
FROM customers AS c
WHERE (c.signed_up_at IS NULL OR c.signed_up_at <> @From) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant <
SELECT c.last_name
FROM customers AS c
WHERE c.signed_up_at < @From AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant >=
SELECT c.last_name
FROM customers AS c
WHERE c.signed_up_at >= @From AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant list in
SELECT c.last_name
FROM customers AS c
WHERE (c.signed_up_at = @From OR (c.signed_up_at >= @From1 AND c.signed_up_at <= @To)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant list notIn
SELECT c.last_name
FROM customers AS c
WHERE (c.signed_up_at IS NULL OR (c.signed_up_at <> @From AND (c.signed_up_at < @From1 OR c.signed_up_at > @To))) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- instant list between
SELECT c.last_name
FROM customers AS c
WHERE c.signed_up_at >= @From AND c.signed_up_at <= @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- yearly =
SELECT c.last_name
FROM customers AS c
WHERE c.demographic_birth_month_day >= @YearlyFirstLow AND c.demographic_birth_month_day <= @YearlyFirstHigh AND c.restricted_at IS NULL
ORDER BY c.first_name

-- yearly !=
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_month_day IS NULL OR c.demographic_birth_month_day < @YearlyFirstLow OR c.demographic_birth_month_day > @YearlyFirstHigh) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- yearly window between
SELECT c.last_name
FROM customers AS c
WHERE ((c.demographic_birth_month_day >= @YearlyFirstLow AND c.demographic_birth_month_day <= @YearlyFirstHigh) OR c.demographic_birth_month_day <= @YearlySecondHigh) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- yearly window notBetween
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_birth_month_day IS NULL OR ((c.demographic_birth_month_day < @YearlyFirstLow OR c.demographic_birth_month_day > @YearlyFirstHigh) AND c.demographic_birth_month_day > @YearlySecondHigh)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- anniversary =
SELECT c.last_name
FROM customers AS c
WHERE CASE
    WHEN c.signed_up_at IS NULL THEN NULL
    ELSE seg_month_day(c.signed_up_at, @Value_ZoneId)
END >= @YearlyFirstLow AND CASE
    WHEN c.signed_up_at IS NULL THEN NULL
    ELSE seg_month_day(c.signed_up_at, @Value_ZoneId)
END <= @YearlyFirstHigh AND c.restricted_at IS NULL
ORDER BY c.first_name

-- anniversary !=
SELECT c.last_name
FROM customers AS c
WHERE (c.signed_up_at IS NULL OR seg_month_day(c.signed_up_at, @Value_ZoneId) IS NULL OR seg_month_day(c.signed_up_at, @Value_ZoneId) < @YearlyFirstLow OR seg_month_day(c.signed_up_at, @Value_ZoneId) > @YearlyFirstHigh) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- local hour =
SELECT c.last_name
FROM customers AS c
WHERE seg_hour(@Value_AsOf, COALESCE(c.geographic_time_zone, @Value_ZoneId)) = @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- local hour !=
SELECT c.last_name
FROM customers AS c
WHERE (seg_hour(@Value_AsOf, COALESCE(c.geographic_time_zone, @Value_ZoneId)) <> @Value OR seg_hour(@Value_AsOf, COALESCE(c.geographic_time_zone, @Value_ZoneId)) IS NULL) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- local hour <
SELECT c.last_name
FROM customers AS c
WHERE seg_hour(@Value_AsOf, COALESCE(c.geographic_time_zone, @Value_ZoneId)) < @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- set contains
SELECT c.last_name
FROM customers AS c
WHERE @Value <@ c.psychographic_interests_folded AND c.restricted_at IS NULL
ORDER BY c.first_name

-- set doesNotContain
SELECT c.last_name
FROM customers AS c
WHERE NOT (@Value <@ c.psychographic_interests_folded) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- set in
SELECT c.last_name
FROM customers AS c
WHERE @Value && c.psychographic_interests_folded AND c.restricted_at IS NULL
ORDER BY c.first_name

-- set notIn
SELECT c.last_name
FROM customers AS c
WHERE NOT (@Value && c.psychographic_interests_folded) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- set missing null
SELECT c.last_name
FROM customers AS c
WHERE cardinality(c.psychographic_interests_folded) = 0 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- set missing notNull
SELECT c.last_name
FROM customers AS c
WHERE cardinality(c.psychographic_interests_folded) <> 0 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- circle within
SELECT c.last_name
FROM customers AS c
WHERE c.geographic_latitude IS NOT NULL AND c.geographic_latitude >= @Value AND c.geographic_latitude <= @Value1 AND c.geographic_longitude >= @Value2 AND c.geographic_longitude <= @Value3 AND seg_distance_km(c.geographic_latitude, c.geographic_longitude, @Value4, @Value5) <= @Value6 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- circle notWithin
SELECT c.last_name
FROM customers AS c
WHERE (c.geographic_latitude IS NULL OR c.geographic_latitude < @Value OR c.geographic_latitude > @Value1 OR CASE
    WHEN c.geographic_longitude >= @Value2 THEN FALSE
    ELSE TRUE
END OR CASE
    WHEN c.geographic_longitude <= @Value3 THEN FALSE
    ELSE TRUE
END OR CASE
    WHEN seg_distance_km(c.geographic_latitude, c.geographic_longitude, @Value4, @Value5) <= @Value6 THEN FALSE
    ELSE TRUE
END) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- polygon within
SELECT c.last_name
FROM customers AS c
WHERE c.geographic_latitude IS NOT NULL AND c.geographic_latitude >= @Value AND c.geographic_latitude <= @Value1 AND c.geographic_longitude >= @Value2 AND c.geographic_longitude <= @Value3 AND seg_in_polygon(c.geographic_latitude, c.geographic_longitude, @Value4, @Value5) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- polygon notWithin
SELECT c.last_name
FROM customers AS c
WHERE (c.geographic_latitude IS NULL OR c.geographic_latitude < @Value OR c.geographic_latitude > @Value1 OR CASE
    WHEN c.geographic_longitude >= @Value2 THEN FALSE
    ELSE TRUE
END OR CASE
    WHEN c.geographic_longitude <= @Value3 THEN FALSE
    ELSE TRUE
END OR NOT (seg_in_polygon(c.geographic_latitude, c.geographic_longitude, @Value4, @Value5))) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- consent =
SELECT c.last_name
FROM customers AS c
WHERE @Value = ANY (c.consents_granted) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- consent !=
SELECT c.last_name
FROM customers AS c
WHERE NOT (@Value = ANY (c.consents_granted) AND @Value = ANY (c.consents_granted) IS NOT NULL) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute text =
SELECT c.last_name
FROM customers AS c
WHERE seg_json_text(c.attributes_folded, 'plan') = @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute text !=
SELECT c.last_name
FROM customers AS c
WHERE (seg_json_text(c.attributes_folded, 'plan') IS NULL OR seg_json_text(c.attributes_folded, 'plan') <> @Value OR seg_json_text(c.attributes_folded, 'plan') IS NULL) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute text contains
SELECT c.last_name
FROM customers AS c
WHERE seg_json_text(c.attributes_folded, 'plan') IS NOT NULL AND seg_json_text(c.attributes_folded, 'plan') LIKE @Value_contains AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute number =
SELECT c.last_name
FROM customers AS c
WHERE seg_json_number(c.attributes_folded, 'score') = @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute number <
SELECT c.last_name
FROM customers AS c
WHERE seg_json_number(c.attributes_folded, 'score') < @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute boolean =
SELECT c.last_name
FROM customers AS c
WHERE seg_json_boolean(c.attributes_folded, 'trial') AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute boolean !=
SELECT c.last_name
FROM customers AS c
WHERE (seg_json_boolean(c.attributes_folded, 'trial') IS NULL OR seg_json_boolean(c.attributes_folded, 'trial') <> TRUE OR seg_json_boolean(c.attributes_folded, 'trial') IS NULL) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute date =
SELECT c.last_name
FROM customers AS c
WHERE seg_json_date(c.attributes_folded, 'renewal') = @Date AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute date <
SELECT c.last_name
FROM customers AS c
WHERE seg_json_date(c.attributes_folded, 'renewal') < @Date AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute instant =
SELECT c.last_name
FROM customers AS c
WHERE seg_json_instant(c.attributes_folded, 'seenAt') >= @From AND seg_json_instant(c.attributes_folded, 'seenAt') <= @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute instant <
SELECT c.last_name
FROM customers AS c
WHERE seg_json_instant(c.attributes_folded, 'seenAt') < @From AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute set contains
SELECT c.last_name
FROM customers AS c
WHERE seg_json_has_all(c.attributes_folded, 'tags', @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute set in
SELECT c.last_name
FROM customers AS c
WHERE seg_json_has_any(c.attributes_folded, 'tags', @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- attribute set notIn
SELECT c.last_name
FROM customers AS c
WHERE NOT (seg_json_has_any(c.attributes_folded, 'tags', @Value)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- lifetime value >=
SELECT c.last_name
FROM customers AS c
WHERE c.lifetime_value >= @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- lifetime value >= (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT COALESCE(sum(COALESCE(e.amount, 0.0)), 0.0)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) - (
    SELECT COALESCE(sum(abs(COALESCE(e0.amount, 0.0))), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@refunds) AND e0.occurred_at <= @Value_AsOf)) + COALESCE(c.forgotten_lifetime_value, 0.0) >= @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- lifetime value <
SELECT c.last_name
FROM customers AS c
WHERE c.lifetime_value < @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- lifetime value < (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT COALESCE(sum(COALESCE(e.amount, 0.0)), 0.0)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) - (
    SELECT COALESCE(sum(abs(COALESCE(e0.amount, 0.0))), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@refunds) AND e0.occurred_at <= @Value_AsOf)) + COALESCE(c.forgotten_lifetime_value, 0.0) < @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- average order =
SELECT c.last_name
FROM customers AS c
WHERE c.order_count <> 0 AND c.order_amount >= @Value * c.order_count::numeric AND c.order_count <> 0 AND c.order_amount <= @Value * c.order_count::numeric AND c.restricted_at IS NULL
ORDER BY c.first_name

-- average order = (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) <> 0 OR (
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) IS NULL) AND (
    SELECT COALESCE(sum(COALESCE(e0.amount, 0.0)), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@orders) AND e0.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_amount, 0.0) >= @Value * CAST((
    SELECT count(*)::int
    FROM events AS e1
    WHERE c.key = e1.customer_key AND e1.type = ANY (@orders) AND e1.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) AS numeric) AND ((
    SELECT count(*)::int
    FROM events AS e2
    WHERE c.key = e2.customer_key AND e2.type = ANY (@orders) AND e2.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) <> 0 OR (
    SELECT count(*)::int
    FROM events AS e2
    WHERE c.key = e2.customer_key AND e2.type = ANY (@orders) AND e2.occurred_at <= @Value_AsOf) IS NULL) AND (
    SELECT COALESCE(sum(COALESCE(e3.amount, 0.0)), 0.0)
    FROM events AS e3
    WHERE c.key = e3.customer_key AND e3.type = ANY (@orders) AND e3.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_amount, 0.0) <= @Value * CAST((
    SELECT count(*)::int
    FROM events AS e4
    WHERE c.key = e4.customer_key AND e4.type = ANY (@orders) AND e4.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) AS numeric) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- average order >=
SELECT c.last_name
FROM customers AS c
WHERE c.order_count <> 0 AND c.order_amount >= @Value * c.order_count::numeric AND c.restricted_at IS NULL
ORDER BY c.first_name

-- average order >= (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) <> 0 OR (
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) IS NULL) AND (
    SELECT COALESCE(sum(COALESCE(e0.amount, 0.0)), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@orders) AND e0.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_amount, 0.0) >= @Value * CAST((
    SELECT count(*)::int
    FROM events AS e1
    WHERE c.key = e1.customer_key AND e1.type = ANY (@orders) AND e1.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) AS numeric) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- average order <
SELECT c.last_name
FROM customers AS c
WHERE c.order_count <> 0 AND c.order_amount < @Value * c.order_count::numeric AND c.restricted_at IS NULL
ORDER BY c.first_name

-- average order < (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) <> 0 OR (
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) IS NULL) AND (
    SELECT COALESCE(sum(COALESCE(e0.amount, 0.0)), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@orders) AND e0.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_amount, 0.0) < @Value * CAST((
    SELECT count(*)::int
    FROM events AS e1
    WHERE c.key = e1.customer_key AND e1.type = ANY (@orders) AND e1.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) AS numeric) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- order count >=
SELECT c.last_name
FROM customers AS c
WHERE c.order_count >= @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- order count >= (in the past)
SELECT c.last_name
FROM customers AS c
WHERE (
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_order_count, 0) >= @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- last order >
SELECT c.last_name
FROM customers AS c
WHERE c.last_order_at > @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- last order > (in the past)
SELECT c.last_name
FROM customers AS c
WHERE greatest((
    SELECT max(e.occurred_at)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf), c.forgotten_last_order_at) > @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- days since =
SELECT c.last_name
FROM customers AS c
WHERE c.last_order_at <= @DaysAgo AND c.last_order_at > @DaysAgo1 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- days since = (in the past)
SELECT c.last_name
FROM customers AS c
WHERE greatest((
    SELECT max(e.occurred_at)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf), c.forgotten_last_order_at) <= @DaysAgo AND greatest((
    SELECT max(e0.occurred_at)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@orders) AND e0.occurred_at <= @Value_AsOf), c.forgotten_last_order_at) > @DaysAgo5 AND c.restricted_at IS NULL
ORDER BY c.first_name

-- days since >
SELECT c.last_name
FROM customers AS c
WHERE c.last_order_at <= @DaysAgo AND c.restricted_at IS NULL
ORDER BY c.first_name

-- days since > (in the past)
SELECT c.last_name
FROM customers AS c
WHERE greatest((
    SELECT max(e.occurred_at)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf), c.forgotten_last_order_at) <= @DaysAgo AND c.restricted_at IS NULL
ORDER BY c.first_name

-- days since <=
SELECT c.last_name
FROM customers AS c
WHERE c.last_order_at > @DaysAgo AND c.restricted_at IS NULL
ORDER BY c.first_name

-- days since <= (in the past)
SELECT c.last_name
FROM customers AS c
WHERE greatest((
    SELECT max(e.occurred_at)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf), c.forgotten_last_order_at) > @DaysAgo AND c.restricted_at IS NULL
ORDER BY c.first_name

-- percentile >=
SELECT c.last_name
FROM customers AS c
WHERE c.lifetime_value > (
    SELECT seg_percentile_floor(@Value, FALSE)
    FROM customer_total AS c0
    LIMIT 1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- percentile >= (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT COALESCE(sum(COALESCE(e.amount, 0.0)), 0.0)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) - (
    SELECT COALESCE(sum(abs(COALESCE(e0.amount, 0.0))), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@refunds) AND e0.occurred_at <= @Value_AsOf)) + COALESCE(c.forgotten_lifetime_value, 0.0) > (
    SELECT seg_percentile_floor_at(@Value, FALSE, @Value_AsOf, @orders6, @refunds7)
    FROM customer_total AS c0
    LIMIT 1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- percentile <
SELECT c.last_name
FROM customers AS c
WHERE c.lifetime_value <= (
    SELECT seg_percentile_floor(@Value, FALSE)
    FROM customer_total AS c0
    LIMIT 1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- percentile < (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT COALESCE(sum(COALESCE(e.amount, 0.0)), 0.0)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) - (
    SELECT COALESCE(sum(abs(COALESCE(e0.amount, 0.0))), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@refunds) AND e0.occurred_at <= @Value_AsOf)) + COALESCE(c.forgotten_lifetime_value, 0.0) <= (
    SELECT seg_percentile_floor_at(@Value, FALSE, @Value_AsOf, @orders6, @refunds7)
    FROM customer_total AS c0
    LIMIT 1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- percentile =
SELECT c.last_name
FROM customers AS c
WHERE c.lifetime_value > (
    SELECT seg_percentile_floor(@Value, FALSE)
    FROM customer_total AS c0
    LIMIT 1) AND c.lifetime_value <= (
    SELECT seg_percentile_floor(@Value, TRUE)
    FROM customer_total AS c1
    LIMIT 1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- percentile = (in the past)
SELECT c.last_name
FROM customers AS c
WHERE ((
    SELECT COALESCE(sum(COALESCE(e.amount, 0.0)), 0.0)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@orders) AND e.occurred_at <= @Value_AsOf) - (
    SELECT COALESCE(sum(abs(COALESCE(e0.amount, 0.0))), 0.0)
    FROM events AS e0
    WHERE c.key = e0.customer_key AND e0.type = ANY (@refunds) AND e0.occurred_at <= @Value_AsOf)) + COALESCE(c.forgotten_lifetime_value, 0.0) > (
    SELECT seg_percentile_floor_at(@Value, FALSE, @Value_AsOf, @orders6, @refunds7)
    FROM customer_total AS c0
    LIMIT 1) AND ((
    SELECT COALESCE(sum(COALESCE(e1.amount, 0.0)), 0.0)
    FROM events AS e1
    WHERE c.key = e1.customer_key AND e1.type = ANY (@orders) AND e1.occurred_at <= @Value_AsOf) - (
    SELECT COALESCE(sum(abs(COALESCE(e2.amount, 0.0))), 0.0)
    FROM events AS e2
    WHERE c.key = e2.customer_key AND e2.type = ANY (@refunds) AND e2.occurred_at <= @Value_AsOf)) + COALESCE(c.forgotten_lifetime_value, 0.0) <= (
    SELECT seg_percentile_floor_at(@Value, TRUE, @Value_AsOf, @orders6, @refunds7)
    FROM customer_total AS c1
    LIMIT 1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- last event >
SELECT c.last_name
FROM customers AS c
WHERE c.last_event_at > @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- last event > (in the past)
SELECT c.last_name
FROM customers AS c
WHERE greatest((
    SELECT max(e.occurred_at)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.occurred_at <= @Value_AsOf), c.forgotten_last_event_at) > @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event count >
SELECT c.last_name
FROM customers AS c
WHERE c.event_count > @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event count > (in the past)
SELECT c.last_name
FROM customers AS c
WHERE (
    SELECT count(*)::int
    FROM events AS e
    WHERE c.key = e.customer_key AND e.occurred_at <= @Value_AsOf) + COALESCE(c.forgotten_event_count, 0) > @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- last feedback >
SELECT c.last_name
FROM customers AS c
WHERE c.last_feedback_at > @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- last feedback > (in the past)
SELECT c.last_name
FROM customers AS c
WHERE greatest((
    SELECT max(e.occurred_at)
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = ANY (@feedback) AND e.occurred_at <= @Value_AsOf), c.forgotten_last_feedback_at) > @To AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sentiment =
SELECT c.last_name
FROM customers AS c
WHERE ((c.sentiment_mean1 >= @Value AND c.sentiment_at1 > @DaysAgo AND (c.sentiment_at2 IS NULL OR c.sentiment_at2 <= @DaysAgo)) OR (c.sentiment_mean2 >= @Value AND c.sentiment_at2 > @DaysAgo AND (c.sentiment_at3 IS NULL OR c.sentiment_at3 <= @DaysAgo)) OR (c.sentiment_mean3 >= @Value AND c.sentiment_at3 > @DaysAgo AND (c.sentiment_at4 IS NULL OR c.sentiment_at4 <= @DaysAgo)) OR (c.sentiment_mean4 >= @Value AND c.sentiment_at4 > @DaysAgo AND (c.sentiment_at5 IS NULL OR c.sentiment_at5 <= @DaysAgo)) OR (c.sentiment_mean5 >= @Value AND c.sentiment_at5 > @DaysAgo)) AND ((c.sentiment_mean1 <= @Value AND c.sentiment_at1 > @DaysAgo AND (c.sentiment_at2 IS NULL OR c.sentiment_at2 <= @DaysAgo)) OR (c.sentiment_mean2 <= @Value AND c.sentiment_at2 > @DaysAgo AND (c.sentiment_at3 IS NULL OR c.sentiment_at3 <= @DaysAgo)) OR (c.sentiment_mean3 <= @Value AND c.sentiment_at3 > @DaysAgo AND (c.sentiment_at4 IS NULL OR c.sentiment_at4 <= @DaysAgo)) OR (c.sentiment_mean4 <= @Value AND c.sentiment_at4 > @DaysAgo AND (c.sentiment_at5 IS NULL OR c.sentiment_at5 <= @DaysAgo)) OR (c.sentiment_mean5 <= @Value AND c.sentiment_at5 > @DaysAgo)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sentiment = (in the past)
SELECT c.last_name
FROM customers AS c
WHERE round((
    SELECT avg(e0.sentiment)
    FROM (
        SELECT e.sentiment
        FROM events AS e
        WHERE c.key = e.customer_key AND e.sentiment IS NOT NULL AND e.occurred_at <= @Value_AsOf AND e.occurred_at > @DaysAgo
        ORDER BY e.occurred_at DESC, e.sentiment DESC
        LIMIT 5
    ) AS e0), 3) = @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sentiment <
SELECT c.last_name
FROM customers AS c
WHERE ((c.sentiment_mean1 < @Value AND c.sentiment_at1 > @DaysAgo AND (c.sentiment_at2 IS NULL OR c.sentiment_at2 <= @DaysAgo)) OR (c.sentiment_mean2 < @Value AND c.sentiment_at2 > @DaysAgo AND (c.sentiment_at3 IS NULL OR c.sentiment_at3 <= @DaysAgo)) OR (c.sentiment_mean3 < @Value AND c.sentiment_at3 > @DaysAgo AND (c.sentiment_at4 IS NULL OR c.sentiment_at4 <= @DaysAgo)) OR (c.sentiment_mean4 < @Value AND c.sentiment_at4 > @DaysAgo AND (c.sentiment_at5 IS NULL OR c.sentiment_at5 <= @DaysAgo)) OR (c.sentiment_mean5 < @Value AND c.sentiment_at5 > @DaysAgo)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sentiment < (in the past)
SELECT c.last_name
FROM customers AS c
WHERE round((
    SELECT avg(e0.sentiment)
    FROM (
        SELECT e.sentiment
        FROM events AS e
        WHERE c.key = e.customer_key AND e.sentiment IS NOT NULL AND e.occurred_at <= @Value_AsOf AND e.occurred_at > @DaysAgo
        ORDER BY e.occurred_at DESC, e.sentiment DESC
        LIMIT 5
    ) AS e0), 3) < @Value AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sentiment missing null
SELECT c.last_name
FROM customers AS c
WHERE (c.sentiment_at1 IS NULL OR c.sentiment_at1 <= @DaysAgo) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sentiment missing notNull
SELECT c.last_name
FROM customers AS c
WHERE c.sentiment_at1 IS NOT NULL AND c.sentiment_at1 > @DaysAgo AND c.restricted_at IS NULL
ORDER BY c.first_name

-- segment by hand in
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM manual_members AS m
    WHERE c.key = m.customer_key AND m.segment_id = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- segment by hand notIn
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM manual_members AS m
    WHERE c.key = m.customer_key AND m.segment_id = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- segment by rule in
SELECT c.last_name
FROM customers AS c
WHERE (c.lifetime_value >= @Value OR EXISTS (
    SELECT 1
    FROM manual_members AS m
    WHERE c.key = m.customer_key AND m.segment_id = @Value1)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- segment by rule notIn
SELECT c.last_name
FROM customers AS c
WHERE c.lifetime_value < @Value AND NOT EXISTS (
    SELECT 1
    FROM manual_members AS m
    WHERE c.key = m.customer_key AND m.segment_id = @Value1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- two fields
SELECT c.last_name
FROM customers AS c
WHERE seg_years(c.demographic_birth_date, @Value_Today) IS NOT NULL AND c.demographic_children IS NOT NULL AND seg_years(c.demographic_birth_date, @Value_Today) > c.demographic_children AND c.restricted_at IS NULL
ORDER BY c.first_name

-- two fields, complement
SELECT c.last_name
FROM customers AS c
WHERE (seg_years(c.demographic_birth_date, @Value_Today) IS NULL OR c.demographic_children IS NULL OR seg_years(c.demographic_birth_date, @Value_Today) <= c.demographic_children) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- groups
SELECT c.last_name
FROM customers AS c
WHERE (c.demographic_gender_folded = @Value OR c.demographic_gender_folded IS NULL) AND (c.demographic_children IS NULL OR c.demographic_children <= @Value1) AND (c.demographic_income IS NULL OR c.demographic_income <= @Value2) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"some"}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"some"}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"none"}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"none"}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"all"}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type <> @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"all"}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type <> @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","threshold":1}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","threshold":1}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.type = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int >= @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(*)::int >= @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atMost","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(*)::int > @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atMost","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int > @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"exactly","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int = @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"exactly","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(*)::int = @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"exactly","threshold":0}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(*)::int <> @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"exactly","threshold":0}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int <> @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"moreThan","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int > @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"moreThan","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(*)::int > @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"lessThan","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(*)::int >= @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"lessThan","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int >= @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"between","threshold":[1,3]}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int >= @Value1 AND count(*)::int <= @Value2
    LIMIT @Value3
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"between","threshold":[1,3]}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(*)::int >= @Value1 AND count(*)::int <= @Value2
        LIMIT @Value3
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","aggregate":"sum","of":"amount","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value AND e.amount IS NOT NULL
    GROUP BY e.customer_key
    HAVING COALESCE(sum(e.amount), 0.0) >= @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","aggregate":"sum","of":"amount","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value AND e.amount IS NOT NULL
        GROUP BY e.customer_key
        HAVING COALESCE(sum(e.amount), 0.0) >= @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","aggregate":"avg","of":"amount","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value AND e.amount IS NOT NULL
    GROUP BY e.customer_key
    HAVING COALESCE(sum(e.amount), 0.0) >= @Value1 * count(*)::int::numeric
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","aggregate":"avg","of":"amount","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value AND e.amount IS NOT NULL
        GROUP BY e.customer_key
        HAVING COALESCE(sum(e.amount), 0.0) >= @Value1 * count(*)::int::numeric
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atMost","aggregate":"min","of":"amount","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value AND e.amount IS NOT NULL
    GROUP BY e.customer_key
    HAVING min(e.amount) <= @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atMost","aggregate":"min","of":"amount","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value AND e.amount IS NOT NULL
        GROUP BY e.customer_key
        HAVING min(e.amount) <= @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atMost","aggregate":"max","of":"properties.n","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value AND seg_json_number(e.properties, @Value1) IS NOT NULL
    GROUP BY e.customer_key
    HAVING max(seg_json_number(e.properties, @Value1)) <= @Value3
    LIMIT @Value4
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atMost","aggregate":"max","of":"properties.n","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value AND seg_json_number(e.properties, @Value1) IS NOT NULL
        GROUP BY e.customer_key
        HAVING max(seg_json_number(e.properties, @Value1)) <= @Value3
        LIMIT @Value4
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","aggregate":"min","of":"occurredAt","threshold":"2024-01-01"}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING min(e.occurred_at) >= @From
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","aggregate":"min","of":"occurredAt","threshold":"2024-01-01"}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING min(e.occurred_at) >= @From
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","aggregate":"distinctDays","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(DISTINCT seg_date(e.occurred_at, @Value_ZoneId))::int >= @Value2
    LIMIT @Value3
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","aggregate":"distinctDays","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(DISTINCT seg_date(e.occurred_at, @Value_ZoneId))::int >= @Value2
        LIMIT @Value3
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","aggregate":"distinct","of":"type","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value
    GROUP BY e.customer_key
    HAVING count(DISTINCT e.type)::int >= @Value1
    LIMIT @Value2
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","aggregate":"distinct","of":"type","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value
        GROUP BY e.customer_key
        HAVING count(DISTINCT e.type)::int >= @Value1
        LIMIT @Value2
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events = {"mode":"atLeast","aggregate":"distinct","of":"properties.n","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.type = @Value AND seg_json_scalar(e.properties, @Value1) IS NOT NULL
    GROUP BY e.customer_key
    HAVING count(DISTINCT seg_json_scalar(e.properties, @Value1))::int >= @Value3
    LIMIT @Value4
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events != {"mode":"atLeast","aggregate":"distinct","of":"properties.n","threshold":3}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT e.customer_key
        FROM events AS e
        WHERE e.type = @Value AND seg_json_scalar(e.properties, @Value1) IS NOT NULL
        GROUP BY e.customer_key
        HAVING count(DISTINCT seg_json_scalar(e.properties, @Value1))::int >= @Value3
        LIMIT @Value4
    ) AS e0
    WHERE e0.customer_key = c.key AND e0.customer_key <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- events, historical (in the past)
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT e.customer_key
    FROM events AS e
    WHERE e.occurred_at <= @Value_AsOf AND e.type = @Value
    GROUP BY e.customer_key
    HAVING count(*)::int >= @Value2
    LIMIT @Value3
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"occurredAt","operator":">=","value":{"mode":"relative","anchor":"now","offset":-90,"unit":"day"}}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.occurred_at >= @From) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"amount","operator":">","value":5}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.amount > @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"channel","operator":"in","value":["a","b"]}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND e.channel IS NOT NULL AND e.channel = ANY (@Value)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"hourOfDay","operator":"=","value":5}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    INNER JOIN customers AS c0 ON e.customer_key = c0.key
    WHERE c.key = e.customer_key AND seg_hour(e.occurred_at, COALESCE(c0.geographic_time_zone, @Value_ZoneId)) = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"dayOfWeek","operator":"=","value":5}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    INNER JOIN customers AS c0 ON e.customer_key = c0.key
    WHERE c.key = e.customer_key AND seg_day_of_week(e.occurred_at, COALESCE(c0.geographic_time_zone, @Value_ZoneId)) = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"month","operator":"=","value":5}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    INNER JOIN customers AS c0 ON e.customer_key = c0.key
    WHERE c.key = e.customer_key AND seg_month(e.occurred_at, COALESCE(c0.geographic_time_zone, @Value_ZoneId)) = @Value) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"properties.p","operator":"=","value":"x"}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND seg_json_text(e.properties, @Value) = @Value1) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"properties.p","operator":"!=","value":5}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND (seg_json_number(e.properties, @Value) IS NULL OR seg_json_number(e.properties, @Value) <> @Value2 OR seg_json_number(e.properties, @Value) IS NULL)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"properties.p","operator":"=","value":true}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND seg_json_boolean(e.properties, @Value)) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"properties.p.q","operator":"in","value":[1,2]}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND seg_json_number(e.properties, @Value) IS NOT NULL AND (seg_json_number(e.properties, @Value) = ANY (@Value2) OR (seg_json_number(e.properties, @Value) IS NULL AND array_position(@Value2, NULL) IS NOT NULL))) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- event {"field":"properties.p","operator":"null"}
SELECT c.last_name
FROM customers AS c
WHERE EXISTS (
    SELECT 1
    FROM events AS e
    WHERE c.key = e.customer_key AND NOT (seg_json_exists(e.properties, @Value))) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence = 
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT u1."Owner"
    FROM (
        SELECT DISTINCT u0."Owner", CASE
            WHEN u0."At" <= CASE
                WHEN u0."Step" = 2 THEN max(CASE
                    WHEN u0."Step" = 1 THEN u0."Until"
                END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END THEN TRUE
            ELSE FALSE
        END AS "Found"
        FROM (
            SELECT u."Owner", u."At", u."Step", CASE
                WHEN u."Step" = 1 THEN max(CASE
                    WHEN u."Step" = 0 THEN u."Until"
                END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END AS "Until"
            FROM (
                SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", @Value1 AS "Until"
                FROM events AS e
                WHERE e.type = @Value
                UNION ALL
                SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                FROM events AS e0
            ) AS u
            WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
            UNION ALL
            SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
            FROM events AS e1
            WHERE e1.type = @Value2
        ) AS u0
        WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
        LIMIT @Value3
    ) AS u1
    WHERE u1."Found"
    LIMIT @Value4
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence != 
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT u1."Owner"
        FROM (
            SELECT DISTINCT u0."Owner", CASE
                WHEN u0."At" <= CASE
                    WHEN u0."Step" = 2 THEN max(CASE
                        WHEN u0."Step" = 1 THEN u0."Until"
                    END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                END THEN TRUE
                ELSE FALSE
            END AS "Found"
            FROM (
                SELECT u."Owner", u."At", u."Step", CASE
                    WHEN u."Step" = 1 THEN max(CASE
                        WHEN u."Step" = 0 THEN u."Until"
                    END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                END AS "Until"
                FROM (
                    SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", @Value1 AS "Until"
                    FROM events AS e
                    WHERE e.type = @Value
                    UNION ALL
                    SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                    FROM events AS e0
                ) AS u
                WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
                UNION ALL
                SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
                FROM events AS e1
                WHERE e1.type = @Value2
            ) AS u0
            WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
            LIMIT @Value3
        ) AS u1
        WHERE u1."Found"
        LIMIT @Value4
    ) AS u2
    WHERE u2."Owner" = c.key AND u2."Owner" <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence = ,"within":{"amount":7,"unit":"day"}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT u1."Owner"
    FROM (
        SELECT DISTINCT u0."Owner", CASE
            WHEN u0."At" <= CASE
                WHEN u0."Step" = 2 THEN max(CASE
                    WHEN u0."Step" = 1 THEN u0."Until"
                END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END THEN TRUE
            ELSE FALSE
        END AS "Found"
        FROM (
            SELECT u."Owner", u."At", u."Step", CASE
                WHEN u."Step" = 1 THEN max(CASE
                    WHEN u."Step" = 0 THEN u."Until"
                END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END AS "Until"
            FROM (
                SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", seg_add_calendar(e.occurred_at, @Value_ZoneId, @Value2, @Value3) AS "Until"
                FROM events AS e
                WHERE e.type = @Value
                UNION ALL
                SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                FROM events AS e0
            ) AS u
            WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
            UNION ALL
            SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
            FROM events AS e1
            WHERE e1.type = @Value4
        ) AS u0
        WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
        LIMIT @Value5
    ) AS u1
    WHERE u1."Found"
    LIMIT @Value6
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence != ,"within":{"amount":7,"unit":"day"}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT u1."Owner"
        FROM (
            SELECT DISTINCT u0."Owner", CASE
                WHEN u0."At" <= CASE
                    WHEN u0."Step" = 2 THEN max(CASE
                        WHEN u0."Step" = 1 THEN u0."Until"
                    END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                END THEN TRUE
                ELSE FALSE
            END AS "Found"
            FROM (
                SELECT u."Owner", u."At", u."Step", CASE
                    WHEN u."Step" = 1 THEN max(CASE
                        WHEN u."Step" = 0 THEN u."Until"
                    END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                END AS "Until"
                FROM (
                    SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", seg_add_calendar(e.occurred_at, @Value_ZoneId, @Value2, @Value3) AS "Until"
                    FROM events AS e
                    WHERE e.type = @Value
                    UNION ALL
                    SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                    FROM events AS e0
                ) AS u
                WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
                UNION ALL
                SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
                FROM events AS e1
                WHERE e1.type = @Value4
            ) AS u0
            WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
            LIMIT @Value5
        ) AS u1
        WHERE u1."Found"
        LIMIT @Value6
    ) AS u2
    WHERE u2."Owner" = c.key AND u2."Owner" <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence = ,"within":{"amount":7,"unit":"hour"}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT u1."Owner"
    FROM (
        SELECT DISTINCT u0."Owner", CASE
            WHEN u0."At" <= CASE
                WHEN u0."Step" = 2 THEN max(CASE
                    WHEN u0."Step" = 1 THEN u0."Until"
                END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END THEN TRUE
            ELSE FALSE
        END AS "Found"
        FROM (
            SELECT u."Owner", u."At", u."Step", CASE
                WHEN u."Step" = 1 THEN max(CASE
                    WHEN u."Step" = 0 THEN u."Until"
                END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END AS "Until"
            FROM (
                SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", seg_add_minutes(e.occurred_at, @Value1) AS "Until"
                FROM events AS e
                WHERE e.type = @Value
                UNION ALL
                SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                FROM events AS e0
            ) AS u
            WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
            UNION ALL
            SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
            FROM events AS e1
            WHERE e1.type = @Value2
        ) AS u0
        WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
        LIMIT @Value3
    ) AS u1
    WHERE u1."Found"
    LIMIT @Value4
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence != ,"within":{"amount":7,"unit":"hour"}
SELECT c.last_name
FROM customers AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM (
        SELECT u1."Owner"
        FROM (
            SELECT DISTINCT u0."Owner", CASE
                WHEN u0."At" <= CASE
                    WHEN u0."Step" = 2 THEN max(CASE
                        WHEN u0."Step" = 1 THEN u0."Until"
                    END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                END THEN TRUE
                ELSE FALSE
            END AS "Found"
            FROM (
                SELECT u."Owner", u."At", u."Step", CASE
                    WHEN u."Step" = 1 THEN max(CASE
                        WHEN u."Step" = 0 THEN u."Until"
                    END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                END AS "Until"
                FROM (
                    SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", seg_add_minutes(e.occurred_at, @Value1) AS "Until"
                    FROM events AS e
                    WHERE e.type = @Value
                    UNION ALL
                    SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                    FROM events AS e0
                ) AS u
                WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
                UNION ALL
                SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
                FROM events AS e1
                WHERE e1.type = @Value2
            ) AS u0
            WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
            LIMIT @Value3
        ) AS u1
        WHERE u1."Found"
        LIMIT @Value4
    ) AS u2
    WHERE u2."Owner" = c.key AND u2."Owner" <> 0) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence, bounded 
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT u1."Owner"
    FROM (
        SELECT DISTINCT u0."Owner", CASE
            WHEN u0."At" <= CASE
                WHEN u0."Step" = 2 THEN max(CASE
                    WHEN u0."Step" = 1 THEN u0."Until"
                END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END THEN TRUE
            ELSE FALSE
        END AS "Found"
        FROM (
            SELECT u."Owner", u."At", u."Step", CASE
                WHEN u."Step" = 1 THEN max(CASE
                    WHEN u."Step" = 0 THEN u."Until"
                END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END AS "Until"
            FROM (
                SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", @Value2 AS "Until"
                FROM events AS e
                WHERE e.type = @Value AND e.occurred_at <= @To
                UNION ALL
                SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                FROM events AS e0
                WHERE e0.occurred_at >= @From AND e0.occurred_at <= @To
            ) AS u
            WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
            UNION ALL
            SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
            FROM events AS e1
            WHERE e1.type = @Value5 AND e1.occurred_at >= @From
        ) AS u0
        WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
        LIMIT @Value7
    ) AS u1
    WHERE u1."Found"
    LIMIT @Value8
) AND c.restricted_at IS NULL
ORDER BY c.first_name

-- sequence, bounded ,"within":{"amount":7,"unit":"day"}
SELECT c.last_name
FROM customers AS c
WHERE c.key IN (
    SELECT u1."Owner"
    FROM (
        SELECT DISTINCT u0."Owner", CASE
            WHEN u0."At" <= CASE
                WHEN u0."Step" = 2 THEN max(CASE
                    WHEN u0."Step" = 1 THEN u0."Until"
                END ) OVER (PARTITION BY u0."Owner" ORDER BY u0."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END THEN TRUE
            ELSE FALSE
        END AS "Found"
        FROM (
            SELECT u."Owner", u."At", u."Step", CASE
                WHEN u."Step" = 1 THEN max(CASE
                    WHEN u."Step" = 0 THEN u."Until"
                END ) OVER (PARTITION BY u."Owner" ORDER BY u."At"  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            END AS "Until"
            FROM (
                SELECT e.customer_key AS "Owner", e.occurred_at AS "At", 0 AS "Step", seg_add_calendar(e.occurred_at, @Value_ZoneId, @Value4, @Value5) AS "Until"
                FROM events AS e
                WHERE e.type = @Value AND e.occurred_at >= @Shift AND e.occurred_at <= @To
                UNION ALL
                SELECT e0.customer_key AS "Owner", e0.occurred_at AS "At", 1 AS "Step", e0.occurred_at AS "Until"
                FROM events AS e0
                WHERE e0.occurred_at >= @From AND e0.occurred_at <= @To
            ) AS u
            WHERE u."Step" = 1 OR (u."Step" = 0 AND u."At" <= u."Until")
            UNION ALL
            SELECT e1.customer_key AS "Owner", e1.occurred_at AS "At", 2 AS "Step", e1.occurred_at AS "Until"
            FROM events AS e1
            WHERE e1.type = @Value8 AND e1.occurred_at >= @From AND e1.occurred_at <= @Shift10
        ) AS u0
        WHERE u0."Step" = 2 OR (u0."Step" = 1 AND u0."At" <= u0."Until")
        LIMIT @Value11
    ) AS u1
    WHERE u1."Found"
    LIMIT @Value12
) AND c.restricted_at IS NULL
ORDER BY c.first_name


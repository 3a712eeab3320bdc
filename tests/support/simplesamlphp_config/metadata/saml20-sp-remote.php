<?php
require_once dirname(__DIR__) . '/facts.php';
$metadata = facts('service_providers');

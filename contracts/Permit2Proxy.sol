// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DevPermit2} from "./DevPermit2.sol";

interface IERC2612 {
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}

/// What the two x402 proxies share: the spender that a payer names in its Permit2 signature, which sends the
/// money to the payee that the payer signed and to nobody else.
abstract contract Permit2Proxy {
    struct EIP2612Permit {
        uint256 value;
        uint256 deadline;
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    DevPermit2 public constant PERMIT2 = DevPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    event Settled();
    event SettledWithPermit();
    event EIP2612PermitFailedWithData(address indexed token, address indexed owner, bytes data);

    error InvalidAmount();
    error InvalidDestination();
    error InvalidOwner();
    error PaymentTooEarly();
    error Permit2612AmountMismatch();

    function _settle(
        DevPermit2.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        address to,
        uint256 validAfter,
        bytes32 witness,
        string memory witnessTypeString,
        bytes calldata signature
    ) internal {
        if (amount == 0) revert InvalidAmount();
        if (owner == address(0)) revert InvalidOwner();
        if (to == address(0)) revert InvalidDestination();
        if (block.timestamp < validAfter) revert PaymentTooEarly();
        PERMIT2.permitWitnessTransferFrom(
            permit, DevPermit2.SignatureTransferDetails(to, amount), owner, witness, witnessTypeString, signature
        );
    }

    /// A permit that fails is no failure: the approval may be there already.
    function _approve(DevPermit2.TokenPermissions calldata permitted, address owner, EIP2612Permit calldata signed)
        internal
    {
        if (signed.value != permitted.amount) revert Permit2612AmountMismatch();
        try IERC2612(permitted.token).permit(
            owner, address(PERMIT2), signed.value, signed.deadline, signed.v, signed.r, signed.s
        ) {} catch (bytes memory data) {
            emit EIP2612PermitFailedWithData(permitted.token, owner, data);
        }
    }
}
